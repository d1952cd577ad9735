"""What differs between two snapshots, by their manifests alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from shark_core.publish.manifest import Manifest
from shark_core.publish.stored_table import StoredTable
from shark_core.quantization.tiers import TIERS

T = TypeVar("T")


@dataclass(frozen=True)
class Change(Generic[T]):
    """`None` on a side where there is no such thing."""

    before: T | None
    after: T | None


@dataclass(frozen=True)
class TableSize:
    """A table as a manifest has it. `row_bytes`: its packed rows with their qparams, composed;
    `disk_bytes`: the files that the snapshot stores of it.
    """

    rows: Mapping[str, int]  # by tier
    row_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class TableChange:
    field: str
    before: TableSize | None
    after: TableSize | None

    @property
    def rows(self) -> dict[str, Change[int]]:
        """By tier, in the order of tiers; tiers without rows on both sides are left out."""
        before, after = (size.rows if size else {} for size in (self.before, self.after))
        used = [tier for tier in TIERS if before.get(tier) or after.get(tier)]
        return {tier: Change(before.get(tier, 0), after.get(tier, 0)) for tier in used}


@dataclass(frozen=True)
class SnapshotDiff:
    """From one snapshot to the other, which need not be older and younger.

    `added` and `removed` fields came into the config or left it; `pruned` and `unpruned` ones are
    in both, and lost their table or have one again. `gates` are those that ended differently.
    """

    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    pruned: tuple[str, ...]
    unpruned: tuple[str, ...]
    tables: tuple[TableChange, ...]
    metrics: Mapping[str, Change[float]]
    gates: Mapping[str, Change[bool]]


def diff_snapshots(before: Manifest, after: Manifest) -> SnapshotDiff:
    old, new = _fields(before), _fields(after)
    sizes_before, sizes_after = table_sizes(before), table_sizes(after)
    gates = _changes(before.gates, after.gates)
    return SnapshotDiff(
        before=before.snapshot_id,
        after=after.snapshot_id,
        added=_without(new, old),
        removed=_without(old, new),
        pruned=tuple(field for field in after.pruned if field in sizes_before),
        unpruned=tuple(field for field in before.pruned if field in sizes_after),
        tables=tuple(
            TableChange(field, sizes_before.get(field), sizes_after.get(field))
            for field in dict.fromkeys((*sizes_before, *sizes_after))
        ),
        metrics=_changes(before.metrics, after.metrics),
        gates={gate: found for gate, found in gates.items() if found.before != found.after},
    )


def table_sizes(manifest: Manifest) -> dict[str, TableSize]:
    """By field, in the manifest's order."""
    stored = {file.name: file.bytes for file in manifest.files}
    return {table.field: _size(table, stored) for table in manifest.tables}


def _size(table: StoredTable, stored: Mapping[str, int]) -> TableSize:
    return TableSize(
        rows={tier.tier: tier.rows for tier in table.tiers},
        row_bytes=sum(tier.rows * tier.row_bytes for tier in table.tiers),
        disk_bytes=sum(stored[name] for name in table.files),
    )


def _fields(manifest: Manifest) -> tuple[str, ...]:
    return (*(table.field for table in manifest.tables), *manifest.pruned)


def _without(fields: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    excluded = set(others)
    return tuple(field for field in fields if field not in excluded)


def _changes(before: Mapping[str, T], after: Mapping[str, T]) -> dict[str, Change[T]]:
    names = dict.fromkeys((*before, *after))
    return {name: Change(before.get(name), after.get(name)) for name in names}
