"""Expiring is killed, or overtaken by promotions, at every call that it makes to the storage."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from shark_core.errors import DataError
from shark_core.publish import object_store_local
from shark_core.publish.catalog import Catalog
from shark_core.publish.expiry import Expired, expire, survey
from shark_core.publish.fsck import fsck
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.retention import RetentionPolicy, plan_expiry
from tests.publish.expiring_registry import ExpiringRegistry
from tests.publish.memory_store import MemoryStore
from tests.publish.snapshots import publish, publish_and_promote
from tests.publish.stores import Shelf, keys
from tests.publish.unreliable_store import Killed, UnreliableStore, kill

pytest_plugins = ["tests.lake_fixtures", "tests.publish.store_fixtures"]

POLICY = RetentionPolicy(keep_entries=1, keep=timedelta(0), grace=timedelta(hours=24))
When = Literal["before", "after"]
WHEN: list[When] = ["before", "after"]


def registry_of_days() -> ExpiringRegistry:
    """Two snapshots may go, one as changes on the other, and an attempt; two snapshots stay."""
    registry = ExpiringRegistry()
    registry.publish(base=registry.publish())
    registry.leave_files("s9", "killed")
    registry.promote("production", "s0")
    registry.promote("production", registry.publish(base=registry.publish()))
    registry.wait(48)
    return registry


def expire_with(
    registry: ExpiringRegistry, at: int, when: When, event: Callable[[], None]
) -> tuple[Expired, int]:
    """Expire with `event` at one call; what was done, and how many calls there were."""
    store = UnreliableStore(registry.store, at, when, event)
    catalog = Catalog(store, "ctr")
    seen = survey(catalog)
    done = expire(catalog, seen, plan_expiry(seen, POLICY, registry.now))
    return done, store.calls


@pytest.fixture(scope="module")
def undisturbed() -> tuple[MemoryStore, int]:
    registry = registry_of_days()
    done, calls = expire_with(registry, -1, "before", kill)
    assert (done.snapshots, done.spared) == (("s1", "s0"), ())
    return registry.store, calls


def test_what_is_left_is_what_the_ref_needs(undisturbed: tuple[MemoryStore, int]) -> None:
    left = {"/".join(key.split("/")[:3]) for key in undisturbed[0].contents}
    assert left == {
        "ctr/data/s2",
        "ctr/data/s3",
        "ctr/snapshots/s2.json",
        "ctr/snapshots/s3.json",
        "ctr/refs/production",
    }


@pytest.mark.parametrize("when", WHEN)
def test_an_expire_that_is_killed_anywhere_can_be_repeated(
    undisturbed: tuple[MemoryStore, int], when: When
) -> None:
    for at in range(undisturbed[1]):
        registry = registry_of_days()
        with pytest.raises(Killed):
            expire_with(registry, at, when, kill)
        for snapshot_id in registry.ids:
            gone = registry.catalog.find_snapshot(snapshot_id) is None
            assert gone or registry.is_readable(snapshot_id), f"call {at}"
        expire_with(registry, -1, when, kill)
        assert registry.store.contents == undisturbed[0].contents, f"call {at}"


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("snapshot_id", ["s0", "s1"])
def test_a_snapshot_that_is_promoted_meanwhile_stays_with_all_that_it_needs(
    undisturbed: tuple[MemoryStore, int], when: When, snapshot_id: str
) -> None:
    spared = 0
    for at in range(undisturbed[1]):
        registry = registry_of_days()

        def promote_if_there(registry: ExpiringRegistry = registry) -> None:
            if registry.catalog.find_snapshot(snapshot_id):
                registry.promote("backfill-x", snapshot_id)

        done, _ = expire_with(registry, at, when, promote_if_there)
        spared += snapshot_id in done.spared
        if head := registry.catalog.head("backfill-x"):
            assert registry.is_readable(head.snapshot_id), f"call {at}"
            assert head.snapshot_id == "s0" or registry.is_readable("s0"), f"call {at}"
    assert spared


@pytest.mark.parametrize("when", WHEN)
def test_a_snapshot_that_is_published_meanwhile_keeps_what_it_is_stored_on(
    undisturbed: tuple[MemoryStore, int], when: When
) -> None:
    for at in range(undisturbed[1]):
        registry = registry_of_days()

        def publish_on_s0(registry: ExpiringRegistry = registry) -> None:
            if registry.catalog.find_snapshot("s0"):
                registry.publish(base="s0")

        expire_with(registry, at, when, publish_on_s0)
        if "s4" in registry.ids:
            assert registry.is_readable("s4"), f"call {at}"
            assert registry.is_readable("s0"), f"call {at}"


def test_an_attempt_that_is_committed_at_last_keeps_its_data() -> None:
    registry = registry_of_days()
    seen = survey(registry.catalog)
    plan = plan_expiry(seen, POLICY, registry.now)
    registry.catalog.commit(registry.leave_files("s9", "killed"))
    expire(registry.catalog, seen, plan)
    assert registry.is_readable("s9")


def test_a_snapshot_that_lost_what_it_needs_is_neither_committed_nor_promoted() -> None:
    registry = ExpiringRegistry()
    late = registry.publish(base=registry.publish())
    registry.store.delete("ctr/snapshots/s0.json")
    with pytest.raises(DataError, match=r"(?s)no such snapshot.*s0"):
        registry.catalog.promote("production", late, "p", expect=None)
    with pytest.raises(DataError, match=r"(?s)no such snapshot.*s0"):
        registry.publish(base="s0")
    assert registry.catalog.find_snapshot("s2") is None


def test_a_folder_and_a_bucket_expire_alike(shelf: Shelf) -> None:
    store = shelf.store
    for snapshot_id in ("s0", "s1"):
        publish_and_promote(store, snapshot_id)
    store.put_if_absent("ctr/data/s9/killed/file", b"half")
    catalog = Catalog(store, "ctr")
    seen = survey(catalog)
    later = max(found.modified for found in store.list("ctr")) + timedelta(hours=48)
    plan = plan_expiry(seen, POLICY, later)
    assert ([each.of for each in plan.snapshots], plan.kept) == (["s0"], ("s1",))
    done = expire(catalog, seen, plan)
    assert (done.snapshots, done.bytes) == (("s0",), plan.bytes)
    assert {key.split("/")[2] for key in keys(store, "ctr/data")} == {"s1"}
    assert keys(store, "ctr/snapshots") == ["ctr/snapshots/s1.json"]
    assert [entry.snapshot_id for entry in catalog.history("candidate")] == ["s1", "s0"]
    assert fsck(catalog) == []


def age(path: Path, hours: float) -> None:
    at = path.stat().st_mtime - hours * 3600
    os.utime(path, (at, at))


def sweep(store: LocalStore) -> None:
    catalog = Catalog(store, "ctr")
    newest = max(found.modified for found in store.list("ctr"))
    seen = survey(catalog)
    expire(catalog, seen, plan_expiry(seen, POLICY, newest))


def test_what_killed_writers_left_in_a_folder_goes_once_it_is_old(store: LocalStore) -> None:
    publish(store, "s0")
    incoming = store.root / ".incoming"
    for name, hours in {"old": 30, "young": 1}.items():
        (incoming / name).write_bytes(b"half")
        age(incoming / name, hours)
    sweep(store)
    assert [path.name for path in incoming.iterdir()] == ["young"]
    assert len(keys(store, "ctr")) == 3


def test_folders_without_files_go_once_they_are_old(store: LocalStore) -> None:
    manifest = publish(store, "s0")
    publish(store, "s1")
    for key in keys(store, "ctr/data/s0"):
        store.delete(key)
    store.delete("ctr/snapshots/s0.json")
    sweep(store)
    emptied = store.root / "ctr/data/s0"
    assert (emptied / manifest.attempt).is_dir()
    for folder in (emptied, *emptied.rglob("*")):
        age(folder, 30)
    sweep(store)
    assert not emptied.exists()
    assert (store.root / "ctr/data/s1").is_dir()


def test_removing_a_leftover_never_removes_an_object(store: LocalStore) -> None:
    publish(store, "s0")
    before = keys(store, "ctr")
    for key in (*before, "ctr/data/s0", "ctr/nothing"):
        store.remove_leftover(key)
    assert keys(store, "ctr") == before


def test_a_folder_that_is_removed_right_before_it_is_used_is_made_again(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, removed = os.link, []

    def link_after_removal(source: Path, target: Path) -> None:
        if not removed:
            target.parent.rmdir()
            removed.append(target)
        link(source, target)

    monkeypatch.setattr(object_store_local.os, "link", link_after_removal)
    assert store.put_if_absent("ctr/data/s0/a/file", b"content")
    assert removed
    assert keys(store, "ctr") == ["ctr/data/s0/a/file"]
