"""Reading a snapshot again to see whether it is what its manifest says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from shark_core.errors import DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.needed_snapshots import with_all_needed
from shark_core.publish.snapshot_file import SnapshotFile
from shark_core.publish.snapshot_tables import SnapshotTables

Progress = Callable[[int], object]  # so many more bytes


@dataclass(frozen=True)
class Sample:
    """How much is decoded: the smallest tables up to so many bytes of rows, one at least, and of
    each so many rows, evenly spread.
    """

    table_bytes: int
    rows: int


@dataclass(frozen=True)
class FileCheck:
    """`problem` is None where size and checksum are right."""

    key: str
    bytes: int
    problem: str | None


@dataclass(frozen=True)
class TableCheck:
    """`rows` were decoded; `problem` is None where all of them are finite numbers."""

    field: str
    rows: int
    problem: str | None


@dataclass(frozen=True)
class Verification:
    """`files`: every file of the snapshot and of those that it needs. `tables`: those that were
    decoded. `not_decoded`: fields whose table was beyond the sample.
    """

    snapshot_id: str
    files: tuple[FileCheck, ...]
    tables: tuple[TableCheck, ...]
    not_decoded: tuple[str, ...]

    @property
    def problems(self) -> int:
        found = (*(f.problem for f in self.files), *(t.problem for t in self.tables))
        return sum(problem is not None for problem in found)


def manifests_read(catalog: Catalog, manifest: Manifest) -> list[Manifest]:
    """The manifest, and those of all snapshots that its rows are read from.

    Raises `DataError` where one of them is gone.
    """
    needed = with_all_needed([manifest.snapshot_id], catalog.snapshot) - {manifest.snapshot_id}
    return [manifest, *map(catalog.snapshot, sorted(needed))]


def verify(
    catalog: Catalog, manifests: Iterable[Manifest], sample: Sample, progress: Progress
) -> Verification:
    """Check the first of `manifests`, which the others are needed by.

    A damaged file is told of, it does not end the check. Raises `RetryableError` where the storage
    does not answer.
    """
    manifest, *needed = manifests
    chosen = sampled_fields(manifest, sample.table_bytes)
    return Verification(
        manifest.snapshot_id,
        files=tuple(
            _check_file(catalog, owner, file, progress)
            for owner in (manifest, *needed)
            for file in owner.files
        ),
        tables=tuple(_check_table(catalog, manifest, field, sample.rows) for field in chosen),
        not_decoded=tuple(t.field for t in manifest.tables if t.field not in chosen),
    )


def sampled_fields(manifest: Manifest, table_bytes: int) -> list[str]:
    """The fields with the smallest tables that have at most so many bytes of rows together."""
    sizes = {t.field: sum(tier.rows * tier.row_bytes for tier in t.tiers) for t in manifest.tables}
    chosen: list[str] = []
    total = 0
    for field, size in sorted(sizes.items(), key=lambda each: each[1]):
        total += size
        if chosen and total > table_bytes:
            break
        chosen.append(field)
    return chosen


def _check_file(
    catalog: Catalog, manifest: Manifest, file: SnapshotFile, progress: Progress
) -> FileCheck:
    key = catalog.data_key(manifest, file.name)
    try:
        catalog.check_file(manifest, file, progress)
    except DataError as error:
        return FileCheck(key, file.bytes, str(error))
    return FileCheck(key, file.bytes, None)


def _check_table(catalog: Catalog, manifest: Manifest, field: str, rows: int) -> TableCheck:
    try:
        table = SnapshotTables(catalog).read(manifest, field)
    except DataError as error:
        return TableCheck(field, 0, str(error))
    count = min(rows, table.num_embeddings)
    row_ids = torch.linspace(0, table.num_embeddings - 1, count, dtype=torch.float64).long()
    finite = bool(torch.isfinite(table.dequantize(row_ids)).all())
    return TableCheck(field, count, None if finite else "some rows are not finite numbers")
