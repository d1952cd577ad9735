"""How fast packed rows go to disk and come back, and how many bytes they take there.

    write     blocks of rows, in memory → a partition's tier files, checksums included
    publish   those files → a registry: copied, read again and checked, committed
    read      a published table → mixed-precision table in memory, every byte checked
    pyarrow   the same columns by pyarrow alone, same options: written; read and combined
    indexed   read so, with an index of where each row is besides, which a row map is in ours

Nothing of pyarrow's is checked; ours is written with its sha256, and read by xxh3_128. Ours and
pyarrow's take turns, in every second round the other way round; the first round is not counted, and
ratios are taken within a round: these machines are noisy. Both write to the same folder.

    python -m tests.benchmarks.publish_throughput            int8, int4, int4_shared and fp16, 1 GB
    python -m tests.benchmarks.publish_throughput --quick    the same, 200 MB, under 45 seconds

The last line is one JSON object: by tier `bytes_over_payload`, `write_over_pyarrow`,
`read_over_pyarrow`, `read_over_indexed`, `publish_mb_per_s`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import save

from shark_core.config_sections import Field
from shark_core.lake import Lake, partition
from shark_core.models.table_params_file import FILE_NAME as PARAMS_FILE
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.publish.catalog import Catalog
from shark_core.publish.compressed_writer import open_table
from shark_core.publish.manifest import Manifest
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.publication import describe_files, publish_snapshot, snapshot_files
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.publish.stored_table import StoredTable
from shark_core.publish.table_files import PARQUET_OPTIONS, tier_batch, tier_schema
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES
from shark_core.quantization.tier_block import TierBlock
from shark_core.schemas import COMPRESSED
from tests.publish.snapshots import draft

DAY = date(2026, 1, 1)
FIELD = "user_id"
ROWS_OF_A_GROUP = 1 << 18
KEPT = 0.7  # of the ids are in the tier, so that the ids are not a plain count


@dataclass(frozen=True)
class Contestant:
    scheme: str
    dim: int

    @property
    def name(self) -> str:
        return f"{self.scheme} D={self.dim}"


CONTESTANTS = (
    Contestant("fp16", 16),
    Contestant("int8", 16),
    Contestant("int8", 64),
    Contestant("int4", 16),
    Contestant("int4", 64),
    Contestant("int4_shared", 16),
)


@dataclass(frozen=True)
class Material:
    """A table of one tier: its description and its rows, a block a row group."""

    table: StoredTable
    blocks: list[TierBlock]
    params: torch.Tensor

    @property
    def tier(self) -> str:
        return self.table.tiers[0].tier

    @property
    def payload(self) -> int:
        return sum(block.packed.nbytes for block in self.blocks)

    @classmethod
    def of(cls, contestant: Contestant, payload: int) -> Material:
        scheme = SCHEMES[contestant.scheme]
        row_bytes = scheme.row_bytes(contestant.dim)
        random = np.random.default_rng(0)
        kept = random.random(int(payload / row_bytes / KEPT)) < KEPT
        row_ids = torch.from_numpy(np.flatnonzero(kept))
        rows = len(row_ids)
        counts = {scheme.tier: rows, "pruned": len(kept) - rows}
        field = Field(
            name=FIELD,
            encoding="hash",
            num_embeddings=len(kept),
            embedding_dim=contestant.dim,
        )
        schemes = {scheme.tier: scheme.name, "pruned": "pruned"}
        params = torch.tensor([0.01, -0.5]) if scheme.param_count(contestant.dim) else NO_PARAMS
        packed = torch.from_numpy(random.integers(0, 256, (rows, row_bytes), dtype=np.uint8))
        starts = range(0, rows, ROWS_OF_A_GROUP)
        blocks = [
            TierBlock(
                row_ids[at : at + ROWS_OF_A_GROUP],
                packed[at : at + ROWS_OF_A_GROUP],
                scheme.name,
                params,
            )
            for at in starts
        ]
        return cls(StoredTable.of(field, counts, schemes), blocks, params)


def write(material: Material, lake: Lake) -> Manifest:
    """As the job quantize does; gives the draft of a snapshot."""
    with PartitionWriter(lake, partition(COMPRESSED, DAY), RunStamp("c", "v")) as writer:
        with open_table(writer, material.table, {material.tier: material.params}) as files:
            for block in material.blocks:
                files.append({material.tier: block})
        tensors = {f"{FIELD}.pruned": torch.zeros(material.table.embedding_dim)}
        if len(material.params):
            tensors[f"{FIELD}.{material.tier}"] = material.params
        writer.write_bytes(PARAMS_FILE, save(tensors))
        marker = writer.commit({})
    files = snapshot_files(partition(COMPRESSED, DAY).path, marker.files)
    update = {"tables": (material.table,), "files": describe_files(files)}
    return draft("snapshot").model_copy(update=update)


def write_by_pyarrow(material: Material, path: Path) -> None:
    schema = tier_schema(material.blocks[0].packed.shape[1])
    with pq.ParquetWriter(path, schema, **PARQUET_OPTIONS) as writer:
        for block in material.blocks:
            writer.write_batch(tier_batch(block))


def read_by_pyarrow(path: Path) -> torch.Tensor:
    """The row ids, as int64; the packed rows are there too."""
    table = pq.read_table(path)
    ids = torch.from_numpy(table["row_id"].to_numpy().astype(np.int64))
    rows = table["row"].combine_chunks()
    packed = pa.concat_arrays(rows.chunks) if isinstance(rows, pa.ChunkedArray) else rows
    torch.from_numpy(np.frombuffer(packed.buffers()[1], dtype=np.uint8).copy())
    return ids


def read_indexed(path: Path, num_embeddings: int) -> None:
    ids = read_by_pyarrow(path)
    places = torch.full((num_embeddings,), -1, dtype=torch.int32)
    places[ids] = torch.arange(len(ids), dtype=torch.int32)


def measure(contestant: Contestant, payload: int, rounds: int, root: Path) -> dict[str, float]:
    material = Material.of(contestant, payload)
    seconds: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        found = work()
        seconds.setdefault(name, []).append(time.perf_counter() - started)
        return found

    def in_turn(number: int, runs: dict[str, Callable[[], Any]]) -> dict[str, Any]:
        """Whoever comes second finds the disk busy with what the first has left to it."""
        names = [*runs] if number % 2 else [*reversed(runs)]
        return {name: timed(name, runs[name]) for name in names}

    size = 0
    for number in range(rounds):
        folder = root / f"round{number}"
        lake, alone = Lake(str(folder / "lake")), folder / "alone.parquet"
        folder.mkdir()
        writes = {
            "write": partial(write, material, lake),
            "pyarrow write": partial(write_by_pyarrow, material, alone),
        }
        manifest = in_turn(number, writes)["write"]
        (entry,) = (file for file in manifest.files if file.name != PARAMS_FILE)
        size = entry.bytes
        catalog = Catalog(LocalStore(folder / "registry"), "ctr")
        published = timed("publish", partial(publish, catalog, manifest, lake))
        reads = {
            "read": partial(SnapshotTables(catalog).read, published, FIELD),
            "pyarrow read": partial(read_by_pyarrow, alone),
            "indexed read": partial(read_indexed, alone, material.table.num_embeddings),
        }
        in_turn(number, reads)
        shutil.rmtree(folder)
    seconds = {name: taken[1:] for name, taken in seconds.items()}  # compiled, and warm

    def ratio(ours: str, peer: str) -> float:
        return median(b / a for a, b in zip(seconds[ours], seconds[peer], strict=True))

    rate = {name: material.payload / 1e6 / median(taken) for name, taken in seconds.items()}
    return {
        "bytes_over_payload": size / material.payload,
        "write_over_pyarrow": ratio("write", "pyarrow write"),
        "read_over_pyarrow": ratio("read", "pyarrow read"),
        "read_over_indexed": ratio("read", "indexed read"),
        "write_mb_per_s": rate["write"],
        "pyarrow_write_mb_per_s": rate["pyarrow write"],
        "read_mb_per_s": rate["read"],
        "pyarrow_read_mb_per_s": rate["pyarrow read"],
        "publish_mb_per_s": rate["publish"],
    }


def publish(catalog: Catalog, manifest: Manifest, lake: Lake) -> Manifest:
    marker = lake.marker(partition(COMPRESSED, DAY))
    files = snapshot_files(partition(COMPRESSED, DAY).path, marker.files)
    return publish_snapshot(
        catalog,
        manifest,
        lambda name: lake.filesystem.open_input_file(lake.absolute(files[name].path)),
    )


def show(found: dict[str, dict[str, float]]) -> None:
    table = Table(
        *("tier", "bytes/payload", "write", "× pyarrow"),
        *("read", "× pyarrow", "× indexed", "publish"),
    )
    for name, of in found.items():
        table.add_row(
            name,
            f"{of['bytes_over_payload']:.3f}",
            f"{of['write_mb_per_s']:.0f} MB/s",
            f"{of['write_over_pyarrow']:.2f}",
            f"{of['read_mb_per_s']:.0f} MB/s",
            f"{of['read_over_pyarrow']:.2f}",
            f"{of['read_over_indexed']:.2f}",
            f"{of['publish_mb_per_s']:.0f} MB/s",
        )
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 MB in all, eleven rounds")
    quick = parser.parse_args().quick
    payload, rounds = (32_000_000, 11) if quick else (160_000_000, 7)
    with tempfile.TemporaryDirectory(prefix="publish_throughput_") as folder:
        found = {}
        for number, contestant in enumerate(CONTESTANTS):
            root = Path(folder) / str(number)
            root.mkdir()
            found[contestant.name] = measure(contestant, payload, rounds, root)
    show(found)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
