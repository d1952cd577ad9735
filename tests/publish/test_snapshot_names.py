from __future__ import annotations

import pytest

from shark_core.errors import DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.snapshot_names import named_snapshot, refs_by_snapshot
from tests.publish.snapshots import publish

IDS = ("0123456789abcdef", "0123457777777777", "fedcba9876543210")


@pytest.fixture
def named(catalog: Catalog) -> Catalog:
    for snapshot_id in IDS:
        publish(catalog.store, snapshot_id)
    catalog.promote("production", IDS[2], "p0", expect=None)
    return catalog


@pytest.mark.parametrize(
    ("name", "meant"),
    [("production", IDS[2]), (IDS[0], IDS[0]), ("fedcba", IDS[2]), ("0123457", IDS[1])],
)
def test_a_snapshot_is_named_by_ref_id_or_beginning(named: Catalog, name: str, meant: str) -> None:
    assert named_snapshot(named, name).snapshot_id == meant


def test_a_beginning_of_two_ids_is_refused_with_both(named: Catalog) -> None:
    with pytest.raises(DataError, match=f"(?s)more than one.*{IDS[0]}, {IDS[1]}") as refused:
        named_snapshot(named, "012345")
    assert IDS[2] not in str(refused.value)


@pytest.mark.parametrize("name", ["fedcb", "candidate", "abcdef", "../fedcba", "fedcba98765432100"])
def test_what_names_nothing_is_refused_with_what_there_is(named: Catalog, name: str) -> None:
    with pytest.raises(DataError, match=f"(?s)no such snapshot.*production, {IDS[0]}"):
        named_snapshot(named, name)


def test_refs_are_told_by_what_they_point_to(named: Catalog) -> None:
    named.promote("backfill-x", IDS[2], "p1", expect=None)
    assert refs_by_snapshot(named) == {IDS[2]: ["backfill-x", "production"]}
