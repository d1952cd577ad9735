"""Removing what interrupted publishes left, beside publishes that are under way."""

from __future__ import annotations

from datetime import datetime, timedelta

from shark_core.publish.catalog import Catalog
from shark_core.publish.expiry import expire, survey
from shark_core.publish.retention import RetentionPolicy, plan_expiry
from tests.publish.memory_store import MemoryStore
from tests.publish.scheduled_runs import MODEL, Run

# A schedule takes minutes of simulated time: nothing that it stores is old enough to go.
GRACE = timedelta(days=1)
KEEP_ALL = RetentionPolicy(keep_entries=1000, keep=timedelta(0), grace=GRACE)
KEEP_HEADS = RetentionPolicy(keep_entries=1, keep=timedelta(0), grace=GRACE)


def clean(catalog: Catalog, now: datetime, policy: RetentionPolicy = KEEP_ALL) -> None:
    seen = survey(catalog)
    expire(catalog, seen, plan_expiry(seen, policy, now))


def grow_old(store: MemoryStore) -> None:
    """All that is stored may go where nothing keeps it."""
    store.clock.time += 2 * GRACE


def leave_behind(store: MemoryStore, run: Run) -> None:
    """What a publish that was killed long ago left of a day that may be published again."""
    for name, content in run.contents.items():
        key = f"{MODEL}/data/{run.snapshot_id}/0ddba11/{name}"
        store.contents[key] = content
        store.modified[key] = store.clock.time - 2 * GRACE
