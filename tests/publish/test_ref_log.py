"""Where rollbacks go, in logs that came about by several people and jobs."""

from __future__ import annotations

import pytest

from shark_core.errors import ConflictError, DataError
from shark_core.publish.catalog import Catalog
from tests.publish.memory_store import MemoryStore
from tests.publish.snapshots import log_of, publish


def catalog_with(*snapshot_ids: str) -> Catalog:
    store = MemoryStore()
    for snapshot_id in snapshot_ids:
        publish(store, snapshot_id)
    return Catalog(store, "ctr", store.clock)


def test_what_was_rolled_back_stays_so_where_what_serves_is_promoted_once_more() -> None:
    """A person promotes s1 by hand, s2 is rolled back to it; then the release of s1 runs again."""
    catalog = catalog_with("s1", "s2")
    catalog.promote("production", "s1", "by hand", expect=None)
    catalog.promote("production", "s2", "release of s2", expect="s1")
    catalog.rollback("production", "s2")
    catalog.promote("production", "s1", "release of s1", expect="s1")
    with pytest.raises(DataError, match="nothing to roll back to"):
        catalog.rollback("production", "s1")


def test_a_rollback_passes_over_several_promotions_of_what_serves() -> None:
    catalog = catalog_with("s0", "s1", "s2")
    for number, (snapshot_id, before) in enumerate([("s0", None), ("s1", "s0"), ("s2", "s1")]):
        catalog.promote("production", snapshot_id, f"p{number}", expect=before)
    catalog.rollback("production", "s2")
    catalog.promote("production", "s1", "again", expect="s1")
    assert catalog.rollback("production", "s1").snapshot_id == "s0"
    assert log_of(catalog, "production") == ["s0", "s1", "s2", "s1", "s1", "s0"]


def test_a_rollback_is_refused_where_the_ref_was_moved_away_and_back_since() -> None:
    """Somebody saw s1, looked for what was before it while s0 was back, and found s1 itself."""
    catalog = catalog_with("s0", "s1")
    before = None
    for number, snapshot_id in enumerate(["s0", "s1", "s0", "s1"]):
        catalog.promote("production", snapshot_id, f"p{number}", expect=before)
        before = snapshot_id
    log = catalog.log("production")
    with pytest.raises(ConflictError, match=r"(?s)moved by somebody else.*entry 2.*s0"):
        log.promote("s1", "rollback-3-s1", expect="s1", at=catalog.now(), restores=1)
    assert log_of(catalog, "production") == ["s0", "s1", "s0", "s1"]
