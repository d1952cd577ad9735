"""A reader of published tables that knows docs/format.md and nothing of SHARK's code."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import xxhash

KNOWN_FEATURES = {"fast_checksums", "table_deltas"}
MOST_CHANGES = 30
BITS = {"int8": 8, "int4": 4, "int2": 2, "int4_shared": 4, "int2_shared": 2}
DTYPES = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}

Document = dict[str, Any]


@dataclass(frozen=True)
class Stored:
    """Tier and packed bytes of a table's rows, by row id; rows that are not here are pruned."""

    tier: dict[int, str]
    packed: dict[int, bytes]


@dataclass(frozen=True)
class IndependentReader:
    """`registry` is `<lake>/registry`."""

    registry: Path
    model: str

    def head(self, ref: str) -> str:
        """The id of the snapshot that a ref points to."""
        return str(self.log(ref)[0]["snapshot_id"])

    def log(self, ref: str) -> list[Document]:
        """Newest entry first."""
        keys = sorted((self.registry / self.model / "refs" / ref).iterdir())
        return [_entry(key) for key in keys]

    def manifest(self, snapshot_id: str) -> Document:
        path = self.registry / self.model / "snapshots" / f"{snapshot_id}.json"
        manifest = _sealed(path)
        _require(manifest["format_version"] == 1, "format_version")
        _require(set(manifest["features"]) <= KNOWN_FEATURES, "features")
        has_fast = ["xxh3_128" in file for file in manifest["files"]]
        _require(has_fast == ["fast_checksums" in manifest["features"]] * len(has_fast), "files")
        return manifest

    def file(self, manifest: Document, name: str) -> bytes:
        (listed,) = (file for file in manifest["files"] if file["name"] == name)
        folder = self.registry / self.model / "data" / manifest["snapshot_id"]
        content = (folder / manifest["attempt"] / name).read_bytes()
        _require(len(content) == listed["bytes"], name)
        _require(hashlib.sha256(content).hexdigest() == listed["sha256"], name)
        if "fast_checksums" in manifest["features"]:
            _require(xxhash.xxh3_128(content, seed=0).hexdigest() == listed["xxh3_128"], name)
        return content

    def tensors(self, manifest: Document, name: str) -> dict[str, np.ndarray]:
        """A safetensors file."""
        content = self.file(manifest, name)
        start = 8 + int.from_bytes(content[:8], "little")
        header: Document = json.loads(content[8:start])
        header.pop("__metadata__", None)
        found = {}
        for tensor, about in header.items():
            first, end = about["data_offsets"]
            raw = np.frombuffer(content[start + first : start + end], DTYPES[about["dtype"]])
            found[tensor] = raw.reshape(about["shape"])
        return found

    def table(self, snapshot_id: str, field: str) -> np.ndarray:
        """All rows, float32 (N, D)."""
        manifest = self.manifest(snapshot_id)
        table = _table(manifest, field)
        shared = self.tensors(manifest, "table_params.safetensors")
        stored = self._stored(manifest, field, MOST_CHANGES)
        values = np.empty((table["num_embeddings"], table["embedding_dim"]), np.float32)
        schemes = {tier["tier"]: tier["scheme"] for tier in table["tiers"]}
        for row_id in range(len(values)):
            tier = stored.tier.get(row_id, "pruned")
            params = shared.get(f"{field}.{tier}", np.empty(0, np.float32))
            packed = stored.packed.get(row_id, b"")
            values[row_id] = _decoded(schemes[tier], packed, values.shape[1], params)
        for tier in table["tiers"]:
            rows = sum(stored.tier.get(row, "pruned") == tier["tier"] for row in range(len(values)))
            _require(rows == tier["rows"], f"rows of {tier['tier']}")
        return values

    def _stored(self, manifest: Document, field: str, most_changes: int) -> Stored:
        _require(most_changes >= 0, "tables stored as changes")
        table = _table(manifest, field)
        found = Stored({}, {})
        if table["base"] is not None:
            found = self._stored(self.manifest(table["base"]), field, most_changes - 1)
        for tier in table["tiers"]:
            if tier["file"] is not None:
                self._apply(found, manifest, table, tier)
        if table["tombstones"]:
            name = f"table={field}/tombstones.parquet"
            gone = self._parquet(manifest, table, name)["row_id"].to_pylist()
            _require(len(gone) == table["tombstones"], name)
            for row_id in gone:
                del found.tier[row_id], found.packed[row_id]
        return found

    def _apply(self, found: Stored, manifest: Document, table: Document, tier: Document) -> None:
        content = self._parquet(manifest, table, tier["file"])
        _require(content.num_rows == tier["stored_rows"], tier["file"])
        row_ids, rows = content["row_id"].to_pylist(), content["row"].to_pylist()
        _require(row_ids == sorted(set(row_ids)), tier["file"])
        for row_id, packed in zip(row_ids, rows, strict=True):
            _require(len(packed) == tier["row_bytes"], tier["file"])
            found.tier[row_id], found.packed[row_id] = tier["tier"], packed

    def _parquet(self, manifest: Document, table: Document, name: str) -> Any:
        content = pq.read_table(io.BytesIO(self.file(manifest, name)))
        about = {key.decode(): text.decode() for key, text in content.schema.metadata.items()}
        expected = {key: str(table[key]) for key in ("field", "embedding_dim", "num_embeddings")}
        _require(expected.items() <= about.items(), name)
        _require(about.get("base") == table["base"], name)
        return content


def _entry(path: Path) -> Document:
    entry = _sealed(path)
    _require(path.name == f"{99_999_999 - entry['number']:08d}.json", str(path))
    return entry


def _sealed(path: Path) -> Document:
    """Its checksum is that of the file with the 64 digits of it as zeros."""
    content = path.read_bytes()
    document: Document = json.loads(content)
    unsealed = content.replace(document["document_sha256"].encode(), b"0" * 64)
    _require(document["document_sha256"] == hashlib.sha256(unsealed).hexdigest(), str(path))
    return document


def _table(manifest: Document, field: str) -> Document:
    (table,) = (table for table in manifest["tables"] if table["field"] == field)
    return dict(table)


def _decoded(scheme: str, packed: bytes, dim: int, params: np.ndarray) -> np.ndarray:
    """One row, float32 (D,)."""
    if scheme == "pruned":
        return params
    if scheme in ("fp32", "fp16"):
        return np.frombuffer(packed, "<f4" if scheme == "fp32" else "<f2").astype(np.float32)
    bits = BITS[scheme]
    codes = [packed[d * bits // 8] >> (d * bits % 8) & (2**bits - 1) for d in range(dim)]
    if not scheme.endswith("_shared"):
        params = np.frombuffer(packed[-4:], "<f2").astype(np.float32)
    scale, bias = params
    return np.array(codes, np.float32) * scale + bias


def _require(holds: bool, where: str) -> None:
    if not holds:
        raise ValueError(f"not as docs/format.md says: {where}")
