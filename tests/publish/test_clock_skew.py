"""Clocks that are wrong: a log is in the order of its numbers, ages are by the storage's clock."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shark_core.errors import RetryableError
from shark_core.publish.catalog import Catalog
from shark_core.publish.expiry import expire, survey
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.retention import RetentionPolicy, plan_expiry
from shark_core.publish.storage_clock import storage_time
from tests.publish.memory_store import MemoryStore
from tests.publish.snapshots import log_of, publish
from tests.publish.stores import keys

YEAR = timedelta(days=365)
POLICY = RetentionPolicy(keep_entries=1, keep=timedelta(0), grace=timedelta(days=1))


def test_a_log_is_in_the_order_of_its_moves_whatever_the_clocks_of_the_movers() -> None:
    store = MemoryStore()
    before: str | None = None
    for day, offset in enumerate((0, 1, -1)):  # years by which the mover's clock is wrong
        publish(store, f"day{day}", day)
        clock = datetime(2022, 5, 6, tzinfo=UTC) + offset * YEAR
        catalog = Catalog(store, "ctr", now=lambda clock=clock: clock)  # type: ignore[misc]
        catalog.promote("production", f"day{day}", f"p{day}", before)
        before = f"day{day}"
    catalog = Catalog(store, "ctr")
    assert log_of(catalog, "production") == ["day0", "day1", "day2"]
    assert catalog.rollback("production", "day2").snapshot_id == "day1"


def test_the_storages_time_is_by_the_clock_that_dates_its_objects() -> None:
    store = MemoryStore()
    store.clock.time += 3 * YEAR
    found = storage_time(Catalog(store, "ctr"))
    assert timedelta(0) <= store.clock.time - found < timedelta(minutes=1)
    assert store.contents == {}


def test_what_a_killed_look_at_the_clock_leaves_expires(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_if_absent("ctr/data/clock/0ddba11/now", b"now")
    two_days_ago = datetime.now(UTC).timestamp() - 2 * 24 * 3600
    os.utime(tmp_path / "ctr/data/clock/0ddba11/now", (two_days_ago, two_days_ago))
    catalog = Catalog(store, "ctr")
    seen = survey(catalog)
    expire(catalog, seen, plan_expiry(seen, POLICY, storage_time(catalog)))
    assert keys(store, "ctr/data") == []


def test_a_storage_that_does_not_list_what_it_stored_is_told() -> None:
    class Forgetful(MemoryStore):
        def put_if_absent(self, key: str, content: bytes) -> bool:
            return True

    with pytest.raises(RetryableError, match="does not list what was just stored"):
        storage_time(replace(Catalog(MemoryStore(), "ctr"), store=Forgetful()))
