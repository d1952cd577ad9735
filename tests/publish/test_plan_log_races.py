"""People and jobs decide on a plan at once, or are killed, at every call to the storage."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from typing import Literal

import pytest

from shark_core.errors import ConflictError
from shark_core.publish.object_store import ObjectStore
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.plan_entry import NEXT, Status
from shark_core.publish.plan_log import PlanLog
from tests.publish.plans import NOW, propose
from tests.publish.unreliable_store import Killed, UnreliableStore, kill

WHEN: tuple[Literal["before", "after"], ...] = ("before", "after")
PAIRS: list[tuple[Status, Status]] = [
    ("approved", "rejected"),
    ("rejected", "approved"),
    ("approved", "approved"),
]


def decide(store: ObjectStore, plan_id: str, status: Status, by: str) -> None:
    PlanLog(store, "ctr").decide(plan_id, status, by, NOW, f"{status} by {by}")


def proposed(folder: Path) -> tuple[LocalStore, str]:
    store = LocalStore(folder)
    return store, propose(PlanLog(store, "ctr"), "a").plan_id


def statuses(store: LocalStore, plan_id: str) -> list[Status]:
    """Oldest first, checked to be a path that is allowed."""
    path = [entry.status for entry in PlanLog(store, "ctr").history(plan_id)][::-1]
    assert all(after in NEXT[before] for before, after in pairwise(path))
    return path


def calls_of(folder: Path, work: Callable[[UnreliableStore, str], None]) -> int:
    store, plan_id = proposed(folder)
    counted = UnreliableStore(store, -1, "before", kill)
    work(counted, plan_id)
    return counted.calls


@pytest.mark.parametrize(("anns", "bobs"), PAIRS)
@pytest.mark.parametrize("when", WHEN)
def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(
    tmp_path: Path, anns: Status, bobs: Status, when: Literal["before", "after"]
) -> None:
    calls = calls_of(tmp_path / "count", lambda store, plan: decide(store, plan, anns, "ann"))
    told = []
    for at in range(calls):
        store, plan_id = proposed(tmp_path / str(at))
        bob = partial(refusal, store, plan_id, bobs, "bob")
        refused = refusal(UnreliableStore(store, at, when, bob), plan_id, anns, "ann")
        told += [refused] if refused else []
        path = statuses(store, plan_id)
        assert path == ["proposed", bobs] if refused else anns in path
    assert all(f"{bobs} by bob at 2026-01-04 09:30 UTC" in refused for refused in told)
    assert bool(told) == (anns != bobs)


def refusal(store: ObjectStore, plan_id: str, status: Status, by: str) -> str | None:
    """What somebody who comes too late is told."""
    try:
        decide(store, plan_id, status, by)
    except ConflictError as error:
        return str(error)
    return None


@pytest.mark.parametrize("when", WHEN)
def test_a_decision_that_is_killed_anywhere_can_be_repeated(
    tmp_path: Path, when: Literal["before", "after"]
) -> None:
    calls = calls_of(tmp_path / "count", lambda store, plan: decide(store, plan, "approved", "ann"))
    for at in range(calls):
        store, plan_id = proposed(tmp_path / str(at))
        with pytest.raises(Killed):
            decide(UnreliableStore(store, at, when, kill), plan_id, "approved", "ann")
        decide(store, plan_id, "approved", "ann")
        assert statuses(store, plan_id) == ["proposed", "approved"], f"call {at}"


@pytest.mark.parametrize("when", WHEN)
def test_a_proposal_that_is_killed_can_be_repeated(
    tmp_path: Path, when: Literal["before", "after"]
) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(Killed):
        propose(PlanLog(UnreliableStore(store, 0, when, kill), "ctr"), "a")
    assert statuses(store, propose(PlanLog(store, "ctr"), "a").plan_id) == ["proposed"]


def test_of_many_threads_each_decides_or_is_told_who_did(tmp_path: Path) -> None:
    store, plan_id = proposed(tmp_path)
    together = Barrier(8)

    def person(number: int) -> str:
        together.wait()
        status: Status = "rejected" if number else "approved"
        try:
            return PlanLog(store, "ctr").decide(plan_id, status, f"person {number}", NOW).by
        except ConflictError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(person, range(8)))
    entries = PlanLog(store, "ctr").history(plan_id)[::-1]
    path = statuses(store, plan_id)
    assert len(path) > 1
    assert path.count("approved") <= 1
    deciders = {entry.by for entry in entries[1:]}
    assert all(any(by in answer for by in deciders) for answer in answers)
