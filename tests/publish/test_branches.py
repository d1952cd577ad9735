"""Branches of a lake and the refs of their names: what there is, what may go, and how it goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.publish import branches as upkeep
from shark_core.publish.branches import Branch, branches, named, remove, why_kept
from shark_core.publish.catalog import Catalog
from shark_core.publish.object_store_local import LocalStore
from shark_core.schemas import PLAN

pytest_plugins = ["tests.lake_fixtures"]

DAY = date(2026, 1, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, RECENT = NOW - timedelta(days=31), NOW - timedelta(days=29)
MONTH = timedelta(days=30)
SNAPSHOT, OTHER = "a" * 16, "b" * 16


def write(lake: Lake, content: bytes) -> None:
    with PartitionWriter(lake, partition(PLAN, DAY), RunStamp("c", "v")) as writer:
        writer.write_bytes("plan.json", content)
        writer.commit({})


def point(catalog: Catalog, ref: str, *snapshots: str) -> None:
    before = None
    for number, snapshot in enumerate(snapshots):
        catalog.log(ref).promote(snapshot, f"p{number}", before, NOW)
        before = snapshot


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """A branch of its own, and two of one snapshot, which production had before its last move."""
    found = Catalog(LocalStore(tmp_path / "its-registry"), "ctr")
    point(found, "retrain-1", OTHER, SNAPSHOT)
    point(found, "backfill-1", OTHER)
    point(found, "unmoved", SNAPSHOT)
    point(found, "production", OTHER, "c" * 16)
    return found


@pytest.fixture
def branched(lake: Lake) -> Lake:
    write(lake, b"of the lake")
    contents = {"retrain-1": b"1" * 1000, "backfill-1": b"", "unpublished": b"1", "unmoved": b""}
    for name, content in contents.items():
        write(replace(lake, branch=name), content)
    return lake


def test_a_branch_has_its_files_its_snapshot_and_the_refs_that_share_it(
    branched: Lake, catalog: Catalog
) -> None:
    found = {branch.name: branch for branch in branches(branched, catalog)}
    assert {name: branch.snapshot_id for name, branch in found.items()} == {
        "retrain-1": SNAPSHOT,
        "backfill-1": OTHER,
        "unpublished": None,
        "unmoved": SNAPSHOT,
    }
    assert {name: branch.refs for name, branch in found.items()} == {
        "retrain-1": (),
        "backfill-1": ("production",),
        "unpublished": (),
        "unmoved": (),  # branches do not keep each other
    }
    assert {branch.files for branch in found.values()} == {2}  # a plan and its marker
    assert found["retrain-1"].bytes - found["backfill-1"].bytes > 900
    assert abs(datetime.now(UTC) - found["retrain-1"].written) < timedelta(minutes=5)


def test_where_a_log_is_damaged_it_is_not_known_what_may_go(
    branched: Lake, catalog: Catalog, tmp_path: Path
) -> None:
    entry = next((tmp_path / "its-registry/ctr/refs/production").iterdir())
    entry.write_bytes(b"{")
    with pytest.raises(DataError, match="damaged"):
        branches(branched, catalog)


def test_a_folder_of_a_reserved_name_is_no_branch(lake: Lake, catalog: Catalog) -> None:
    """Its ref is that of the daily runs."""
    with lake.filesystem.open_output_stream(_file(lake, "branches/production/x.json")) as file:
        file.write(b"{}")
    assert branches(lake, catalog) == []


def _file(lake: Lake, path: str) -> str:
    lake.filesystem.create_dir(lake.absolute(path.rpartition("/")[0]))
    return lake.absolute(path)


def test_a_lake_without_branches_has_none(lake: Lake, catalog: Catalog) -> None:
    assert branches(lake, catalog) == []


def test_a_removed_branch_leaves_the_lake_and_the_other_refs(
    branched: Lake, catalog: Catalog
) -> None:
    (going,) = named(branches(branched, catalog), "retrain-1")
    remove(branched, catalog, going)
    assert {branch.name for branch in branches(branched, catalog)} == {
        "backfill-1",
        "unpublished",
        "unmoved",
    }
    assert catalog.refs() == ["backfill-1", "production", "unmoved"]
    assert branched.read_file(partition(PLAN, DAY), "plan.json") == b"of the lake"
    assert replace(branched, branch="retrain-1").find_own_marker(partition(PLAN, DAY)) is None


def test_a_removal_that_was_killed_is_found_and_ended_by_the_next(
    branched: Lake, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    (going,) = named(branches(branched, catalog), "retrain-1")

    def killed(branch: str) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(upkeep.lake_branch, "folder_of", killed)
        with pytest.raises(KeyboardInterrupt):
            remove(branched, catalog, going)
    (left,) = named(branches(branched, catalog), "retrain-1")
    assert (left.snapshot_id, left.files) == (None, 2)
    remove(branched, catalog, left)
    assert "retrain-1" not in {branch.name for branch in branches(branched, catalog)}


@pytest.mark.parametrize(
    ("written", "refs", "kept"),
    [
        (OLD, (), ""),
        (RECENT, (), "written to lately"),
        (OLD, ("production",), "production has its snapshot"),
    ],
)
def test_a_branch_stays_while_it_is_young_or_a_ref_has_its_snapshot(
    written: datetime, refs: tuple[str, ...], kept: str
) -> None:
    assert why_kept(Branch("retrain-1", 2, 10, written, SNAPSHOT, refs), MONTH, NOW) == kept


def test_a_branch_that_is_not_there_is_said_with_those_that_are(
    branched: Lake, catalog: Catalog
) -> None:
    with pytest.raises(DataError, match="no such branch") as refused:
        named(branches(branched, catalog), "retrain-2")
    assert "backfill-1" in str(refused.value)


def test_a_ref_never_seems_to_be_where_it_was_while_it_is_removed(catalog: Catalog) -> None:
    """Whoever reads between two deletions finds the head."""
    heads: list[str] = []

    class Watched(LocalStore):
        def delete(self, key: str) -> None:
            found = catalog.head("retrain-1")
            heads.append(found.snapshot_id if found else "none")
            super().delete(key)

    assert isinstance(catalog.store, LocalStore)
    replace(catalog, store=Watched(catalog.store.root)).log("retrain-1").remove()
    assert heads == [SNAPSHOT, SNAPSHOT]
    assert catalog.head("retrain-1") is None
