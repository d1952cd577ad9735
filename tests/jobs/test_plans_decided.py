"""Who approves and rejects plans by `python -m jobs plans …`, and what they are told."""

from __future__ import annotations

import getpass
import os
from datetime import timedelta

import pytest

from jobs.context import DayContext
from shark_core.errors import ConfigError, ConflictError
from tests.example_lake import DAY
from tests.jobs.proposed_day import plan_ids, plans_of, run_plans, statuses
from tests.publish.plans import NOW, plan_of

NEXT = DAY + timedelta(days=1)


def test_a_person_approves_and_it_is_in_force(planned: DayContext) -> None:
    plan_id = plan_ids(planned)[0]
    done = run_plans(planned, "approve", "--plan", plan_id, "--by", "ann", "--note", "looks right")
    assert (done["status"], done["by"], done["note"]) == ("approved", "ann", "looks right")
    in_force = plans_of(planned).in_force(NEXT)
    assert in_force is not None
    assert (in_force.plan_id, in_force.by) == (plan_id, "ann")


def test_approving_again_tells_who_did_it_first(planned: DayContext) -> None:
    plan_id = plan_ids(planned)[0]
    for by in ("ann", "bob"):
        done = run_plans(planned, "approve", "--plan", plan_id, "--by", by)
        assert done["by"] == "ann"


def test_without_a_name_the_login_name_decides(
    planned: DayContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    assert run_plans(planned, "approve", "--plan", plan_ids(planned)[0])["by"] == "carol"


def test_an_account_without_a_name_must_give_one(
    planned: DayContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError(f"getpwuid(): uid not found: {os.getuid()}")

    monkeypatch.setattr(getpass, "getuser", nameless)
    with pytest.raises(ConfigError, match="add --by with your name"):
        run_plans(planned, "approve", "--plan", plan_ids(planned)[0])
    assert {status for _, status, _ in statuses(planned)} == {"proposed"}


@pytest.mark.parametrize("by", ["", "  ", "x" * 201])
def test_a_name_that_is_none_is_refused(planned: DayContext, by: str) -> None:
    with pytest.raises(ConfigError, match="who decides"):
        run_plans(planned, "approve", "--plan", plan_ids(planned)[0], "--by", by)


def test_a_rejection_needs_a_reason_which_is_kept(planned: DayContext) -> None:
    plan_id = plan_ids(planned)[0]
    with pytest.raises(ConfigError, match="rejected for a reason"):
        run_plans(planned, "reject", "--plan", plan_id, "--note", " ")
    run_plans(planned, "reject", "--plan", plan_id, "--by", "ann", "--note", "tags are needed")
    head = plans_of(planned).head(plan_id)
    assert (head.status, head.by, head.note) == ("rejected", "ann", "tags are needed")


def test_a_rejected_plan_can_be_approved_after_all(planned: DayContext) -> None:
    plan_id = plan_ids(planned)[0]
    run_plans(planned, "reject", "--plan", plan_id, "--by", "ann", "--note", "no")
    assert run_plans(planned, "approve", "--plan", plan_id, "--by", "bob")["by"] == "bob"
    history = run_plans(planned, "show", "--plan", plan_id)["history"]
    assert [entry["status"] for entry in history] == ["approved", "rejected", "proposed"]


def test_who_rejects_is_told_what_is_in_force_and_what_protects_a_field(
    planned: DayContext,
) -> None:
    newest, oldest = plan_ids(planned)
    for plan_id in (oldest, newest):
        run_plans(planned, "approve", "--plan", plan_id, "--by", "ann")
    first, second = (
        run_plans(planned, "reject", "--plan", plan_id, "--by", "bob", "--note", "no")
        for plan_id in (newest, oldest)
    )
    assert first["in_force"] == oldest
    assert first["headline"].endswith(f"plan {oldest} is in force now")
    assert second["in_force"] is None
    assert second["headline"].endswith("no plan is in force now")
    assert "pruning.keep" in second["protect_a_field"]


def test_a_plan_of_an_older_day_is_approved_for_its_day(planned: DayContext) -> None:
    newest, oldest = plan_ids(planned)
    for plan_id in (newest, oldest):
        run_plans(planned, "approve", "--plan", plan_id, "--by", "ann")
    in_force = [plans_of(planned).in_force(each) for each in (DAY, NEXT)]
    assert [plan and plan.plan_id for plan in in_force] == [oldest, newest]


def test_who_approves_is_told_that_newer_days_keep_their_plan(planned: DayContext) -> None:
    log, (newest, oldest) = plans_of(planned), plan_ids(planned)
    newer_still = log.propose(plan_of("a"), NEXT + timedelta(days=1), "a test", NOW).plan_id
    for plan_id in (newer_still, newest):
        run_plans(planned, "approve", "--plan", plan_id, "--by", "ann")
    done = run_plans(planned, "approve", "--plan", oldest, "--by", "bob")
    assert done["newer_in_force"] == newest
    assert done["headline"].endswith(f"; from {NEXT} on plan {newest} stays in force")


@pytest.mark.parametrize("number", [0, 1])
def test_who_approves_is_told_of_no_newer_plan_that_is_not_in_force(
    planned: DayContext, number: int
) -> None:
    done = run_plans(planned, "approve", "--plan", plan_ids(planned)[number], "--by", "bob")
    assert done["newer_in_force"] is None
    assert "stays in force" not in done["headline"]


def test_approving_again_a_plan_that_gave_way_to_another_of_its_day_is_refused(
    planned: DayContext,
) -> None:
    log = plans_of(planned)
    first, second = (log.propose(plan_of(name), NEXT, "a test", NOW).plan_id for name in "ab")
    for plan_id in (first, second):
        run_plans(planned, "approve", "--plan", plan_id, "--by", "ann")
    with pytest.raises(ConflictError, match="no effect") as refused:
        run_plans(planned, "approve", "--plan", first, "--by", "ann")
    assert f'plans reject --config FILE --plan {second} --note "why"`' in str(refused.value)
    run_plans(planned, "reject", "--plan", second, "--by", "ann", "--note", "the first one")
    assert run_plans(planned, "approve", "--plan", first, "--by", "ann")["plan"] == first
    in_force = log.in_force(NEXT)
    assert in_force is not None
    assert in_force.plan_id == first
