"""A branch of a lake: what it has counts on it alone, what it has not is the lake's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import PLAN

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)


def write(lake: Lake, day: date, content: bytes) -> None:
    with PartitionWriter(lake, partition(PLAN, day), RunStamp("c", "v")) as writer:
        writer.write_bytes("plan.json", content)
        writer.commit({})


def test_a_branch_reads_its_own_partition_and_the_lakes_where_it_has_none(tmp_path: Path) -> None:
    lake, branch = Lake(str(tmp_path)), Lake(str(tmp_path), "brand")
    for day in (FIRST, SECOND):
        write(lake, day, b"of the lake")
    write(branch, SECOND, b"of the branch")
    found = {day: branch.read_file(partition(PLAN, day), "plan.json") for day in (FIRST, SECOND)}
    assert found == {FIRST: b"of the lake", SECOND: b"of the branch"}
    assert lake.read_file(partition(PLAN, SECOND), "plan.json") == b"of the lake"
    assert Lake(str(tmp_path), "other").marker(partition(PLAN, SECOND)) == lake.marker(
        partition(PLAN, SECOND)
    )


def test_days_of_a_branch_are_its_own_and_the_lakes(tmp_path: Path) -> None:
    lake, branch = Lake(str(tmp_path)), Lake(str(tmp_path), "brand")
    write(lake, FIRST, b"")
    write(branch, SECOND, b"")
    assert list(branch.days(PLAN)) == [FIRST, SECOND]
    assert list(lake.days(PLAN)) == [FIRST]


def test_the_same_content_has_the_same_fingerprint_on_a_branch(tmp_path: Path) -> None:
    lake, branch = Lake(str(tmp_path)), Lake(str(tmp_path), "brand")
    for place in (lake, branch):
        write(place, FIRST, b"a plan")
    markers = [place.marker(partition(PLAN, FIRST)) for place in (lake, branch)]
    assert markers[0].fingerprint == markers[1].fingerprint
    assert {marker.files[0].logical_path for marker in markers} == {"plan/ds=2026-01-01/plan.json"}
    assert markers[1].files[0].path.startswith("branches/brand/plan/")


def test_a_branchs_own_partition_is_told_from_the_lakes(tmp_path: Path) -> None:
    lake, branch = Lake(str(tmp_path)), Lake(str(tmp_path), "brand")
    write(lake, FIRST, b"of the lake")
    assert branch.find_own_marker(partition(PLAN, FIRST)) is None
    write(branch, FIRST, b"of the branch")
    own = branch.find_own_marker(partition(PLAN, FIRST))
    assert own is not None
    assert own == branch.marker(partition(PLAN, FIRST))
    assert lake.find_own_marker(partition(PLAN, FIRST)) != own
