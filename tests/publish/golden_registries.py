"""Registries of every format version, and of every feature, that was ever released."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.object_store_local import LocalStore
from tests.publish.independent_reader import IndependentReader


@dataclass(frozen=True)
class Golden:
    """`features`: those that all of its manifests have."""

    folder: Path
    features: tuple[str, ...]

    @property
    def catalog(self) -> Catalog:
        return Catalog(LocalStore(self.folder / "registry"), "ctr")

    @property
    def reader(self) -> IndependentReader:
        return IndependentReader(self.folder / "registry", "ctr")

    @property
    def log(self) -> list[str]:
        """The snapshots of `candidate`, oldest first."""
        return [entry.snapshot_id for entry in self.catalog.history("candidate")][::-1]

    def manifests(self) -> list[Manifest]:
        return [self.catalog.snapshot(snapshot_id) for snapshot_id in self.log]

    def values(self) -> dict[tuple[str, str], np.ndarray]:
        """(snapshot id, field) → float32 (N, D)."""
        rows = defaultdict(list)
        for line in (self.folder / "values.csv").read_text(encoding="utf-8").splitlines():
            snapshot_id, field, row_id, *values = line.split(",")
            assert int(row_id) == len(rows[snapshot_id, field])
            rows[snapshot_id, field].append(values)
        return {key: np.array(found, dtype=np.float32) for key, found in rows.items()}

    def dense(self) -> dict[str, list[np.float32]]:
        lines = (self.folder / "dense.csv").read_text(encoding="utf-8").splitlines()
        return {
            name: [np.float32(value) for value in values]
            for name, *values in (line.split(",") for line in lines)
        }


FOLDER = Path(__file__).parent / "golden"
GOLDEN = (
    Golden(FOLDER / "format-1", ()),
    Golden(FOLDER / "format-1-fast-checksums", ("fast_checksums",)),
)


def damaged(golden: Golden, name: str, folder: Path) -> Golden:
    """A copy in which a byte of a file of the first snapshot is another."""
    copy = Golden(folder / golden.folder.name, golden.features)
    shutil.copytree(golden.folder, copy.folder)
    path = copy.folder / "registry" / copy.catalog.data_key(copy.manifests()[0], name)
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    return copy
