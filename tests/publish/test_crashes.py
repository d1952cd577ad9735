"""Publishing is killed, or overtaken, at every single call that it makes to the storage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from shark_core.publish.catalog import Catalog
from shark_core.publish.object_store_local import LocalStore
from tests.publish.snapshots import CONTENTS, log_of, publish_and_promote
from tests.publish.stores import keys
from tests.publish.unreliable_store import Killed, UnreliableStore, kill

When = Literal["before", "after"]
WHEN: list[When] = ["before", "after"]


def prepared_store(folder: Path) -> LocalStore:
    store = LocalStore(folder)
    publish_and_promote(store, "day0", day=0)
    return store


def publish_day1(store: LocalStore, at: int, when: When, event: Callable[[], None]) -> int:
    """Publish day 1 with `event` at one call; how many calls there were."""
    unreliable = UnreliableStore(store, at, when, event)
    publish_and_promote(unreliable, "day1", day=1)
    return unreliable.calls


def check_invariants(store: LocalStore) -> None:
    """Whatever a ref points to is complete; every manifest lists intact files."""
    catalog = Catalog(store, "ctr")
    manifests = keys(store, "ctr/snapshots")
    for key in manifests:
        manifest = catalog.snapshot(key.split("/")[-1].removesuffix(".json"))
        assert {name: catalog.read_file(manifest, name) for name in CONTENTS} == CONTENTS
    for entry in catalog.history("candidate"):
        assert f"ctr/snapshots/{entry.snapshot_id}.json" in manifests


@pytest.fixture(scope="module")
def number_of_calls(tmp_path_factory: pytest.TempPathFactory) -> int:
    store = prepared_store(tmp_path_factory.mktemp("registry"))
    return publish_day1(store, at=-1, when="before", event=kill)


@pytest.mark.parametrize("when", WHEN)
def test_a_publish_that_is_killed_anywhere_can_be_repeated(
    tmp_path: Path, number_of_calls: int, when: When
) -> None:
    for at in range(number_of_calls):
        store = prepared_store(tmp_path / str(at))
        with pytest.raises(Killed):
            publish_day1(store, at, when, kill)
        check_invariants(store)
        publish_and_promote(store, "day1", day=1)
        check_invariants(store)
        assert log_of(Catalog(store, "ctr"), "candidate") == ["day0", "day1"], f"call {at}"


@pytest.mark.parametrize("when", WHEN)
def test_a_second_attempt_of_the_same_run_may_overtake_anywhere(
    tmp_path: Path, number_of_calls: int, when: When
) -> None:
    for at in range(number_of_calls):
        store = prepared_store(tmp_path / str(at))
        publish_day1(store, at, when, partial(publish_and_promote, store, "day1", day=1))
        check_invariants(store)
        assert log_of(Catalog(store, "ctr"), "candidate") == ["day0", "day1"], f"call {at}"


def test_what_a_killed_publish_leaves_is_not_referenced(
    tmp_path: Path, number_of_calls: int
) -> None:
    for at in range(number_of_calls):
        store = prepared_store(tmp_path / str(at))
        before = set(keys(store, "ctr"))
        with pytest.raises(Killed):
            publish_day1(store, at, "after", kill)
        left = set(keys(store, "ctr")) - before
        if "ctr/snapshots/day1.json" not in left:
            assert all(key.startswith("ctr/data/day1/") for key in left), f"call {at}"
