"""Snapshots and what differs between two, as tables for people and documents for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from shark_core.errors import DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_diff import Change, SnapshotDiff, TableChange, table_sizes
from shark_core.publish.snapshot_names import refs_by_snapshot
from shark_core.report.numbers import count, significant, size
from shark_core.report.terminal_table import FOLDED, WHOLE, add_rows, terminal_table

NONE = "none"


def snapshot_line(manifest: Manifest, refs: Sequence[str]) -> dict[str, Any]:
    """`refs`: those that point to it. `bytes`: what it stores, tables and dense part."""
    return {
        "snapshot": manifest.snapshot_id,
        "day": manifest.start.date().isoformat(),
        "bytes": manifest.nbytes,
        "ratio": manifest.metrics.get("compression_ratio"),
        "failed_gates": manifest.failed_gates,
        "refs": list(refs),
    }


def snapshot_lines(catalog: Catalog) -> list[dict[str, Any]]:
    """All snapshots, the newest day first. One that cannot be read does not hide the others."""
    refs = refs_by_snapshot(catalog)
    found: list[tuple[str, dict[str, Any]]] = []
    for snapshot_id, _ in list(catalog.manifests()):
        pointing = refs.get(snapshot_id, [])
        try:
            line = snapshot_line(catalog.snapshot(snapshot_id), pointing)
        except DataError as error:
            line = {"snapshot": snapshot_id, "problem": error.summary, "refs": pointing}
        found.append((line.get("day", ""), line))
    return [line for _, line in sorted(found, key=lambda each: each[0], reverse=True)]


def snapshots_table(lines: Iterable[dict[str, Any]]) -> Table:
    table = terminal_table(
        snapshot=WHOLE, day=WHOLE, bytes=WHOLE, ratio=WHOLE, gates=FOLDED, refs=FOLDED
    )
    return add_rows(table, map(_line_cells, lines))


def _line_cells(line: dict[str, Any]) -> tuple[object, ...]:
    if "problem" in line:
        return (line["snapshot"], "", "", "", line["problem"], ", ".join(line["refs"]))
    failed = ", ".join(line["failed_gates"])
    return (
        line["snapshot"],
        line["day"],
        size(line["bytes"]),
        f"{significant(line['ratio'])} ×" if line["ratio"] else "",
        f"failed: {failed}" if failed else "passed",
        ", ".join(line["refs"]),
    )


def snapshot_document(manifest: Manifest, refs: Sequence[str]) -> dict[str, Any]:
    """All that a manifest says but for the single files; the config is among it."""
    document = manifest.model_dump(mode="json", exclude={"files", "tables"})
    tables = {field: asdict(found) for field, found in table_sizes(manifest).items()}
    return {**snapshot_line(manifest, refs), **document, "tables": tables}


def snapshot_figures(manifest: Manifest, refs: Sequence[str]) -> dict[str, Any]:
    """What of a snapshot concerns all of its tables."""
    gates = {gate: "passed" if passed else "failed" for gate, passed in manifest.gates.items()}
    return {
        **snapshot_line(manifest, refs),
        "failed_gates": ", ".join(manifest.failed_gates) or NONE,
        "refs": ", ".join(refs) or NONE,
        "parent": manifest.parent or NONE,
        "attempt": manifest.attempt,
        "code_version": manifest.code_version,
        "config_hash": manifest.config_hash,
        "pruned": ", ".join(manifest.pruned) or NONE,
        "gates": gates,
        "metrics": manifest.metrics,
    }


def tables_table(manifest: Manifest) -> Table:
    table = terminal_table(field=FOLDED, rows=FOLDED, row_bytes=WHOLE, on_disk=WHOLE, base=WHOLE)
    bases = {stored.field: stored.base or "" for stored in manifest.tables}
    return add_rows(
        table,
        (
            (field, _rows(found.rows), size(found.row_bytes), size(found.disk_bytes), bases[field])
            for field, found in table_sizes(manifest).items()
        ),
    )


def diff_document(diff: SnapshotDiff) -> dict[str, Any]:
    tables = {change.field: _table_document(change) for change in diff.tables}
    metrics = {
        name: {**asdict(found), "change": _difference(found)}
        for name, found in diff.metrics.items()
    }
    return {**asdict(diff), "tables": tables, "metrics": metrics}


def diff_figures(diff: SnapshotDiff) -> dict[str, str]:
    """Which fields and gates differ."""
    fields = {
        "fields_added": diff.added,
        "fields_removed": diff.removed,
        "fields_pruned": diff.pruned,
        "fields_unpruned": diff.unpruned,
    }
    gates = [
        f"{gate}: {_ended(found.before)} → {_ended(found.after)}"
        for gate, found in diff.gates.items()
    ]
    return {
        **{name: ", ".join(found) or NONE for name, found in fields.items()},
        "gates_changed": "\n".join(gates) or NONE,
    }


def changed_tables_table(diff: SnapshotDiff) -> Table:
    table = terminal_table(field=FOLDED, rows_by_tier=FOLDED, row_bytes=WHOLE, on_disk=WHOLE)
    return add_rows(table, map(_table_cells, diff.tables))


def metrics_table(diff: SnapshotDiff) -> Table:
    table = terminal_table(metric=FOLDED, before=WHOLE, after=WHOLE, change=WHOLE)
    return add_rows(
        table,
        (
            (name, _number(found.before), _number(found.after), _number(_difference(found), "+"))
            for name, found in diff.metrics.items()
        ),
    )


def _table_document(change: TableChange) -> dict[str, Any]:
    document = asdict(change)
    return {"rows": {tier: asdict(rows) for tier, rows in change.rows.items()}, **document}


def _table_cells(change: TableChange) -> tuple[str, ...]:
    rows = [
        f"{tier} {count(found.before or 0)} → {count(found.after or 0)}"
        if found.before != found.after
        else f"{tier} {count(found.before or 0)}"
        for tier, found in change.rows.items()
    ]
    sides = (change.before, change.after)
    row_bytes = [size(side.row_bytes) if side else NONE for side in sides]
    disk_bytes = [size(side.disk_bytes) if side else NONE for side in sides]
    return change.field, "\n".join(rows), " → ".join(row_bytes), " → ".join(disk_bytes)


def _rows(rows: Any) -> str:
    return ", ".join(f"{tier} {count(number)}" for tier, number in rows.items())


def _difference(found: Change[float]) -> float | None:
    if found.before is None or found.after is None:
        return None
    return found.after - found.before


def _number(number: float | None, sign: str = "") -> str:
    return "" if number is None else f"{number:{sign}.6g}"


def _ended(passed: bool | None) -> str:
    return {None: "not judged", True: "passed", False: "failed"}[passed]
