"""Expire beside publishes, promotions and rollbacks that run whole between two calls of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shark_core.errors import DataError, RetryableError
from shark_core.publish.catalog import Catalog
from shark_core.publish.expiry import Expired, expire, survey
from shark_core.publish.fsck import fsck
from shark_core.publish.manifest import Manifest
from shark_core.publish.retention import RetentionPolicy, plan_expiry
from tests.publish.expiring_registry import ExpiringRegistry, table_on
from tests.publish.overtaken_store import OvertakenStore

POLICY = RetentionPolicy(keep_entries=1, keep=timedelta(0), grace=timedelta(hours=24))


def expire_all(catalog: Catalog, registry: ExpiringRegistry) -> Expired:
    seen = survey(catalog)
    return expire(catalog, seen, plan_expiry(seen, POLICY, registry.now))


def overtaken(
    registry: ExpiringRegistry, call: str, key_part: str, event: Callable[[], object]
) -> Catalog:
    store = OvertakenStore(registry.store, call, key_part, event)
    return Catalog(store, "ctr", now=registry.store.clock)


def broken(registry: ExpiringRegistry) -> list[str]:
    return [finding.what for finding in fsck(registry.catalog) if finding.broken]


def changes_on(registry: ExpiringRegistry, snapshot_id: str, base: str) -> Manifest:
    """Files are stored, the manifest is not."""
    stored = registry.leave_files(snapshot_id, "again")
    return stored.model_copy(update={"tables": (table_on(base),)})


@pytest.mark.parametrize("promoted", [False, True])
def test_a_day_that_is_published_anew_keeps_what_it_is_built_on_now(promoted: bool) -> None:
    registry = ExpiringRegistry()
    for _ in range(2):
        registry.publish()
    registry.wait(48)

    def publish_anew() -> None:
        registry.catalog.commit(changes_on(registry, "s1", base="s0"))
        if promoted:
            registry.promote("candidate", "s1")

    catalog = overtaken(registry, "delete", "snapshots/s0", publish_anew)
    expire_all(catalog, registry)
    assert broken(registry) == []
    assert registry.is_readable("s0")
    assert registry.is_readable("s1")


def test_a_commit_whose_base_expires_meanwhile_is_taken_back_and_can_be_repeated() -> None:
    registry = ExpiringRegistry()
    registry.publish()
    registry.wait(48)
    catalog = overtaken(
        registry, "put_if_absent", "/snapshots/", lambda: expire_all(registry.catalog, registry)
    )
    with pytest.raises(RetryableError, match="expired while this one was published"):
        catalog.commit(changes_on(registry, "s1", base="s0"))
    assert registry.catalog.find_snapshot("s1") is None
    registry.catalog.commit(registry.leave_files("s1", "whole"))
    assert broken(registry) == []


def moved_twice() -> ExpiringRegistry:
    """`production` is at s1 and was at s0, which nothing keeps."""
    registry = ExpiringRegistry()
    for _ in range(2):
        registry.promote("production", registry.publish())
    registry.wait(48)
    return registry


def test_a_rollback_to_what_expires_meanwhile_leaves_the_ref_where_it_was() -> None:
    registry = moved_twice()
    catalog = overtaken(
        registry, "put_if_absent", "/refs/", lambda: expire_all(registry.catalog, registry)
    )
    with pytest.raises(DataError, match=r"expired while a ref was moved(.|\n)*gone: s0"):
        catalog.rollback("production", "s1")
    head = registry.catalog.head("production")
    assert head is not None
    assert head.snapshot_id == "s1"
    assert broken(registry) == []


def test_a_promotion_of_what_expires_meanwhile_leaves_the_ref_where_it_was() -> None:
    registry = moved_twice()
    unused = registry.publish()
    registry.wait(48)
    catalog = overtaken(
        registry, "put_if_absent", "/refs/", lambda: expire_all(registry.catalog, registry)
    )
    with pytest.raises(DataError, match="expired while a ref was moved"):
        catalog.promote("production", unused, "by hand", expect="s1")
    head = registry.catalog.head("production")
    assert head is not None
    assert (head.snapshot_id, head.restores) == ("s1", 1)
    assert broken(registry) == []


def test_a_snapshot_that_another_expire_deletes_meanwhile_is_none() -> None:
    registry = moved_twice()
    catalog = overtaken(
        registry, "open", "snapshots/s0", lambda: expire_all(registry.catalog, registry)
    )
    assert catalog.find_snapshot("s0") is None


@pytest.mark.parametrize("at", ["/refs", "/snapshots", "/data"])
def test_fsck_finds_nothing_broken_while_a_day_is_published(at: str) -> None:
    registry = moved_twice()

    def publish_a_day() -> None:
        registry.promote("production", registry.publish())

    assert [f.what for f in fsck(overtaken(registry, "list", at, publish_a_day)) if f.broken] == []


def test_two_days_that_are_released_at_once_end_at_the_later_one() -> None:
    registry = ExpiringRegistry()
    manifests = [registry.catalog.snapshot(registry.publish()) for _ in range(3)]
    days = [
        manifest.model_copy(update={"start": manifest.start + timedelta(days=day)})
        for day, manifest in enumerate(manifests)
    ]
    registry.promote("production", "s0")
    catalog = overtaken(
        registry,
        "put_if_absent",
        "/refs/",
        lambda: registry.catalog.advance("production", days[1], "day 1"),
    )
    assert catalog.advance("production", days[2], "day 2").snapshot_id == "s2"
