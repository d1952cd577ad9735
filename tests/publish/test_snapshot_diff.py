from __future__ import annotations

from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_diff import Change, TableSize, diff_snapshots, table_sizes
from shark_core.publish.snapshot_file import SnapshotFile
from shark_core.publish.stored_table import StoredTable, StoredTier, tier_file_name
from tests.publish.snapshots import draft

ROW_BYTES = {"fp32": 16, "int8": 8, "pruned": 0}


def table(field: str, **rows: int) -> StoredTable:
    return StoredTable(
        field=field,
        num_embeddings=sum(rows.values()),
        embedding_dim=4,
        pooling="sum",
        tiers=tuple(
            StoredTier(
                tier=tier,
                scheme=tier,
                rows=count,
                row_bytes=ROW_BYTES[tier],
                param_count=0,
                stored_rows=count if ROW_BYTES[tier] else 0,
                file=tier_file_name(field, tier) if ROW_BYTES[tier] else None,
            )
            for tier, count in rows.items()
        ),
    )


def snapshot(snapshot_id: str, *tables: StoredTable, **changes: object) -> Manifest:
    files = [
        SnapshotFile(name=name, rows=1, bytes=100, sha256="0")
        for stored in tables
        for name in stored.files
    ]
    update = {"tables": tables, "files": tuple(files), **changes}
    return draft(snapshot_id).model_copy(update=update)


def test_a_snapshot_does_not_differ_from_itself() -> None:
    manifest = snapshot("s0", table("a", int8=3), pruned=("b",))
    diff = diff_snapshots(manifest, manifest)
    assert (diff.added, diff.removed, diff.pruned, diff.unpruned) == ((), (), (), ())
    assert (diff.gates, diff.metrics) == ({}, {"baseline_auc": Change(0.73, 0.73)})
    (change,) = diff.tables
    assert change.before == change.after


def test_fields_come_and_go_and_are_pruned_and_unpruned() -> None:
    before = snapshot("s0", table("a", int8=3), table("b", int8=3), pruned=("c", "d"))
    after = snapshot("s1", table("b", int8=3), table("c", int8=3), pruned=("e", "a"))
    diff = diff_snapshots(before, after)
    assert (diff.added, diff.removed) == (("e",), ("d",))
    assert (diff.pruned, diff.unpruned) == (("a",), ("c",))
    sizes = {change.field: (change.before is None, change.after is None) for change in diff.tables}
    assert sizes == {"a": (False, True), "b": (False, False), "c": (True, False)}


def test_rows_by_tier_are_told_in_the_order_of_tiers() -> None:
    before = snapshot("s0", table("a", int8=6, pruned=4))
    after = snapshot("s1", table("a", fp32=1, int8=9))
    (change,) = diff_snapshots(before, after).tables
    assert list(change.rows.items()) == [
        ("fp32", Change(0, 1)),
        ("int8", Change(6, 9)),
        ("pruned", Change(4, 0)),
    ]
    assert change.before == TableSize({"int8": 6, "pruned": 4}, row_bytes=48, disk_bytes=100)
    assert change.after == TableSize({"fp32": 1, "int8": 9}, row_bytes=88, disk_bytes=200)


def test_bytes_of_changes_are_what_the_snapshot_stores_itself() -> None:
    whole = table("a", int8=6, pruned=4)
    changes = whole.as_delta("s0", {"int8": 1}, tombstones=1)
    stored = table_sizes(snapshot("s1", changes))["a"]
    assert (stored.row_bytes, stored.disk_bytes) == (48, 200)


def test_metrics_and_gates_of_one_side_only_are_told_too() -> None:
    before = snapshot("s0", metrics={"auc": 0.7, "old": 1.0}, gates={"auc": True, "size": True})
    after = snapshot("s1", metrics={"auc": 0.8, "new": 2.0}, gates={"auc": False, "size": True})
    diff = diff_snapshots(before, after)
    assert diff.metrics == {
        "auc": Change(0.7, 0.8),
        "old": Change(1.0, None),
        "new": Change(None, 2.0),
    }
    assert diff.gates == {"auc": Change(True, False)}
