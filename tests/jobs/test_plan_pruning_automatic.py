"""What `pruning.approval: automatic` approves, and what it leaves to a person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jobs.context import DayContext
from jobs.plan_pruning import plan_pruning
from shark_core.publish.plan_review import AUTOMATIC
from tests.example_lake import DAY
from tests.jobs.proposed_day import (
    DISAGREES,
    TAGS_TOO,
    decide,
    plans_of,
    scored_by_hand,
    statuses,
    write_agreement,
)

NEXT = DAY + timedelta(days=1)


def test_automatic_approval_puts_the_plan_in_force_on_its_day(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path, approval="automatic")
    result = plan_pruning(context)
    plan = plans_of(context).in_force(DAY)
    assert plan is not None
    assert (plan.status, plan.by) == ("approved", AUTOMATIC)
    assert result.headline.endswith(f"approved as {plan.plan_id}")
    assert [entry.status for entry in plans_of(context).history(plan.plan_id)][1] == "proposed"


def test_what_waits_from_manual_times_is_approved_once_approval_is_automatic(
    tmp_path: Path,
) -> None:
    plan_pruning(scored_by_hand(tmp_path))
    context = scored_by_hand(tmp_path, NEXT, approval="automatic")
    plan_pruning(context)
    assert statuses(context) == [("2026-01-02", "approved", ("user",))]


def warned(context: DayContext) -> DayContext:
    """Its scores' order is not to be trusted."""
    write_agreement(context, DISAGREES)
    return context


def test_a_plan_with_warnings_waits_for_a_person_whatever_the_config_says(tmp_path: Path) -> None:
    context = warned(scored_by_hand(tmp_path, approval="automatic"))
    first, again = plan_pruning(context), plan_pruning(context)
    for result in (first, again):
        assert "waits: its warnings want a person" in result.headline
        assert "plans approve" in result.figures["approve_it"]
    assert statuses(context) == [("2026-01-02", "proposed", ("user",))]


def test_a_plan_that_was_proposed_with_warnings_waits_on_a_day_without_them(
    tmp_path: Path,
) -> None:
    plan_pruning(warned(scored_by_hand(tmp_path)))
    context = scored_by_hand(tmp_path, NEXT, approval="automatic")
    assert "its warnings want a person" in plan_pruning(context).headline
    assert statuses(context) == [("2026-01-02", "proposed", ("user",))]


def test_a_set_that_contains_a_rejected_one_waits_for_a_person(tmp_path: Path) -> None:
    plan_pruning(scored_by_hand(tmp_path))
    rejected = decide(tmp_path, "rejected")
    context = scored_by_hand(tmp_path, NEXT, TAGS_TOO, approval="automatic")
    told = plan_pruning(context).headline
    assert f"waits: it prunes all that plan {rejected} would, which was rejected by ann" in told
    assert statuses(context)[0] == ("2026-01-03", "proposed", ("user", "tags"))


@pytest.mark.parametrize("decisions", [[], ["rejected", "approved"]])
def test_a_set_that_contains_one_that_is_not_rejected_now_is_approved(
    tmp_path: Path, decisions: list[str]
) -> None:
    plan_pruning(scored_by_hand(tmp_path))
    decide(tmp_path, *decisions)
    context = scored_by_hand(tmp_path, NEXT, TAGS_TOO, approval="automatic")
    plan_pruning(context)
    assert statuses(context)[0] == ("2026-01-03", "approved", ("user", "tags"))


def test_a_set_that_a_rejected_one_contains_is_approved(tmp_path: Path) -> None:
    plan_pruning(scored_by_hand(tmp_path, DAY, TAGS_TOO))
    decide(tmp_path, "rejected")
    context = scored_by_hand(tmp_path, NEXT, approval="automatic")
    plan_pruning(context)
    assert statuses(context)[0] == ("2026-01-03", "approved", ("user",))
