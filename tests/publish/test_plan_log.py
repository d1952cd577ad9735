from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shark_core.errors import ConfigError, ConflictError, DataError
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.plan_entry import Status
from shark_core.publish.plan_log import PlanLog
from tests.publish.plans import DAY, NOW, approve, day_number, plan_of, propose

DECISIONS: tuple[Status, ...] = ("approved", "applied", "rejected")
ALLOWED: dict[tuple[Status, Status], bool] = {
    ("proposed", "approved"): True,
    ("proposed", "rejected"): True,
    ("approved", "applied"): True,
    ("approved", "rejected"): True,
    ("applied", "rejected"): True,
    ("rejected", "approved"): True,
    ("applied", "approved"): False,  # done before: nothing is added
}


@pytest.fixture
def log(store: LocalStore) -> PlanLog:
    return PlanLog(store, "ctr")


def test_a_proposal_holds_the_whole_plan(log: PlanLog) -> None:
    plan = plan_of("a", "c")
    entry = log.propose(plan, DAY, "plan-pruning", NOW)
    assert entry.plan_id.startswith("2026-01-03-")
    assert (entry.number, entry.status, entry.pruned) == (0, "proposed", ("a", "c"))
    assert log.head(entry.plan_id) == entry
    assert log.head(entry.plan_id).reviewed == plan


def test_proposing_again_changes_nothing(log: PlanLog) -> None:
    first = propose(log, "a")
    again = log.propose(plan_of("a"), DAY, "another run", NOW + timedelta(hours=1))
    assert again == first
    approved = approve(log, first)
    assert propose(log, "a") == approved
    assert [entry.status for entry in log.history(first.plan_id)] == ["approved", "proposed"]


def test_another_plan_of_the_day_has_another_id(log: PlanLog) -> None:
    ids = {
        propose(log, "a").plan_id,
        propose(log, "a", loss=0.002).plan_id,
        propose(log, "a", day=1).plan_id,
    }
    assert len(ids) == 3


def test_two_plans_never_share_an_id(log: PlanLog, store: LocalStore) -> None:
    entry = propose(log, "a")
    path = store.root / f"ctr/plans/{entry.plan_id}/99999999.json"
    path.write_bytes(entry.model_copy(update={"plan": {"decisions": []}}).to_bytes())
    with pytest.raises(ConflictError, match="the same plan under this id"):
        propose(log, "a")


@pytest.mark.parametrize("wanted", list(itertools.product(DECISIONS, repeat=3)))
def test_a_plan_takes_exactly_the_paths_that_are_allowed(
    log: PlanLog, wanted: tuple[Status, ...]
) -> None:
    plan_id = propose(log, "a").plan_id
    path: list[Status] = ["proposed"]
    for status in wanted:
        adds = ALLOWED.get((path[-1], status), False if status == path[-1] else None)
        if adds is None:
            with pytest.raises(ConflictError, match=f"is {path[-1]} already"):
                log.decide(plan_id, status, "ann", NOW)
        else:
            assert log.decide(plan_id, status, "ann", NOW).status == status
        path += [status] if adds else []
        assert [entry.status for entry in log.history(plan_id)][::-1] == path


def test_a_decision_says_who_when_and_why(log: PlanLog) -> None:
    plan_id = propose(log, "a").plan_id
    log.decide(plan_id, "rejected", " ann ", NOW, "brand is needed")
    head = log.head(plan_id)
    assert (head.by, head.at, head.note, head.number) == ("ann", NOW, "brand is needed", 1)
    assert str(head) == "rejected by ann at 2026-01-04 09:30 UTC (brand is needed)"


def test_who_comes_too_late_is_told_who_decided_and_when(log: PlanLog) -> None:
    plan_id = propose(log, "a").plan_id
    log.decide(plan_id, "rejected", "ann", NOW, "no")
    with pytest.raises(ConflictError, match="rejected by ann at 2026-01-04 09:30 UTC") as late:
        log.decide(plan_id, "applied", "prune-fields", NOW)
    assert late.value.exit_code == 76


def test_a_rejected_plan_that_is_approved_after_all_is_in_force(log: PlanLog) -> None:
    plan_id = propose(log, "a").plan_id
    log.decide(plan_id, "rejected", "ann", NOW, "no")
    approved = log.decide(plan_id, "approved", "ann", NOW, "it does no harm")
    assert log.in_force(DAY) == approved
    told = [(entry.status, entry.note) for entry in log.history(plan_id)]
    assert told == [("approved", "it does no harm"), ("rejected", "no"), ("proposed", "")]


def test_a_decision_on_a_plan_as_it_was_seen_does_not_override_a_newer_one(log: PlanLog) -> None:
    seen = propose(log, "a")
    log.decide(seen.plan_id, "rejected", "ann", NOW, "no")
    with pytest.raises(ConflictError, match=r"(?s)still proposed.*rejected by ann"):
        log.decide(seen.plan_id, "approved", "a job", NOW, seen=seen)
    assert log.head(seen.plan_id).status == "rejected"


def test_times_are_told_in_utc(log: PlanLog) -> None:
    at = datetime(2026, 1, 4, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    entry = log.propose(plan_of("a"), DAY, "plan-pruning", at)
    assert str(entry).endswith("2026-01-03 23:00 UTC")
    assert entry.at.astimezone(UTC).day == 3


@pytest.mark.parametrize("plan_id", ["../../etc", "2026-01-03-ab12cd34/..", "2026-01-03", ""])
def test_an_id_that_is_none_is_refused(log: PlanLog, plan_id: str) -> None:
    with pytest.raises(ConfigError, match="not the id of a plan"):
        log.decide(plan_id, "approved", "ann", NOW)


def test_an_unknown_plan_is_refused_with_those_there_are(log: PlanLog) -> None:
    with pytest.raises(DataError, match="none was proposed yet"):
        log.head("2026-01-03-00000000")
    there_is = propose(log, "a").plan_id
    for ask in (log.head, log.history):
        with pytest.raises(DataError, match=f"(?s)no such plan.*{there_is}"):
            ask("2026-01-03-00000000")


@pytest.mark.parametrize("content", ["", "{}", '{"format_version": 2}', "[]"])
def test_a_damaged_entry_is_refused(log: PlanLog, store: LocalStore, content: str) -> None:
    entry = propose(log, "a")
    (store.root / f"ctr/plans/{entry.plan_id}/99999999.json").write_text(content)
    for read in (lambda: log.head(entry.plan_id), lambda: list(log.plans())):
        with pytest.raises(DataError, match="a plan's log is damaged"):
            read()


def test_an_entry_under_another_number_is_refused(log: PlanLog, store: LocalStore) -> None:
    entry = propose(log, "a")
    store.put_if_absent(f"ctr/plans/{entry.plan_id}/99999990.json", entry.to_bytes())
    with pytest.raises(DataError, match="entry number 0 under this key"):
        log.head(entry.plan_id)


def test_plans_list_the_newest_day_first_then_the_last_decision(log: PlanLog) -> None:
    old, new = propose(log, "a"), propose(log, "b", day=1)
    others = [propose(log, "c", day=1), propose(log, "a", "b", day=1)]
    decided = approve(log, others[0], minutes=1)
    listed = [entry.plan_id for entry in log.plans()]
    assert listed[0] == decided.plan_id
    assert set(listed[1:3]) == {new.plan_id, others[1].plan_id}
    assert listed[3] == old.plan_id


def test_models_do_not_see_each_others_plans(log: PlanLog, store: LocalStore) -> None:
    propose(log, "a")
    assert list(PlanLog(store, "other").plans()) == []


def test_nothing_is_in_force_until_it_is_approved(log: PlanLog) -> None:
    entry = propose(log, "a")
    assert log.in_force(DAY) is None
    approve(log, entry)
    assert log.in_force(day_number(-1)) is None
    for status in ("approved", "applied"):
        in_force = log.decide(entry.plan_id, status, "ann", NOW)
        assert log.in_force(DAY) == log.in_force(day_number(9)) == log.head(in_force.plan_id)


def test_a_plan_that_is_withdrawn_gives_way_to_the_one_before(log: PlanLog) -> None:
    before, after = propose(log, "a"), propose(log, "b", day=1)
    for entry in (before, after):
        approve(log, entry)
        log.decide(entry.plan_id, "applied", "prune-fields", NOW)
    assert in_force(log, 1) == after.plan_id
    assert in_force(log, 0) == before.plan_id
    log.decide(after.plan_id, "rejected", "ann", NOW, "worse than told")
    assert in_force(log, 1) == before.plan_id


def test_of_one_day_the_plan_that_was_approved_last_is_in_force(log: PlanLog) -> None:
    first, second = propose(log, "a"), propose(log, "b")
    approve(log, second, minutes=1)
    approve(log, first, minutes=2)
    assert in_force(log, 0) == first.plan_id
    log.decide(second.plan_id, "applied", "prune-fields", NOW + timedelta(minutes=3))
    assert in_force(log, 0) == first.plan_id


def test_a_set_of_fields_is_found_in_any_order_and_nothing_else(log: PlanLog) -> None:
    entry = propose(log, "a", "c")
    assert log.matching(("c", "a")) == entry
    assert log.matching(("a",)) is None
    newer = propose(log, "a", "c", day=2)
    assert log.matching(("a", "c")) == newer


def in_force(log: PlanLog, day: int) -> str | None:
    found = log.in_force(day_number(day))
    return found.plan_id if found else None
