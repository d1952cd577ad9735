"""A plan is proposed on scores that the day's own agreement bears out, by the limits of today."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from jobs.context import JobResult
from jobs.plan_pruning import plan_pruning
from shark_core.errors import DataError, GateFailed
from shark_core.schemas import PLAN
from tests.example_lake import DAY
from tests.jobs.proposed_day import (
    DISAGREES,
    SCORES,
    plans_of,
    scored_by_hand,
    statuses,
    with_checks,
    write_agreement,
    write_scores,
)

NEXT = DAY + timedelta(days=1)
Approval = Literal["manual", "automatic"]


def test_an_agreement_of_other_scores_than_the_days_vouches_for_none(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path)
    write_scores(context, method="f_permutation")
    with pytest.raises(DataError, match=r"other importances(.|\n)*jobs validate-importance"):
        plan_pruning(context)
    assert context.lake.find_marker(context.partition(PLAN)) is None


@pytest.mark.parametrize(("min_spearman", "warnings"), [(0.9, 1), (-1.0, 0)])
def test_the_limit_of_today_decides_whether_the_scores_are_trusted(
    tmp_path: Path, min_spearman: float, warnings: int
) -> None:
    context = scored_by_hand(tmp_path)
    write_agreement(context, DISAGREES)  # made under 0.9
    result = plan_pruning(with_checks(context, min_spearman=min_spearman))
    assert len(result.figures["warnings"]) == warnings


def test_where_disagreement_stops_the_day_nothing_is_proposed(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path, approval="automatic")
    write_agreement(context, DISAGREES)
    with pytest.raises(GateFailed, match=r"not to be trusted(.|\n)*Spearman -1.000 only"):
        plan_pruning(with_checks(context, on_disagreement="stop"))
    assert statuses(context) == []
    assert context.lake.find_marker(context.partition(PLAN)) is None


def test_scores_that_agree_are_planned_on_where_disagreement_would_stop(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path)
    plan_pruning(with_checks(context, on_disagreement="stop"))
    assert statuses(context) == [("2026-01-02", "proposed", ("user",))]


def disagreeing_after_an_approved_day(
    root: Path, approval: Approval, scores: dict[str, float]
) -> tuple[str, JobResult]:
    """The id of the plan in force, and what plan-pruning says on the day after."""
    plan_pruning(scored_by_hand(root, approval="automatic"))
    (plan,) = plans_of(scored_by_hand(root)).plans()
    context = scored_by_hand(root, NEXT, scores, approval=approval)
    write_agreement(context, DISAGREES)
    return plan.plan_id, plan_pruning(context)


@pytest.mark.parametrize("approval", ["manual", "automatic"])
@pytest.mark.parametrize(
    "scores",
    [
        pytest.param(SCORES, id="the plan in force again"),
        pytest.param({**SCORES, "tags": 0.0002}, id="another plan"),
        pytest.param({"user": 0.1, "item": 0.5, "tags": 0.2}, id="no plan"),
    ],
)
def test_a_plan_in_force_applies_in_spite_of_todays_warnings_and_the_headline_says_so(
    tmp_path: Path, approval: Approval, scores: dict[str, float]
) -> None:
    plan_id, result = disagreeing_after_an_approved_day(tmp_path, approval, scores)
    (warning,) = result.figures["warnings"]
    in_force = plans_of(scored_by_hand(tmp_path)).in_force(NEXT)
    assert in_force is not None
    assert in_force.plan_id == plan_id
    assert result.headline.endswith(
        f"; plan {plan_id} applies in spite of today's warnings: {warning}"
    )


def test_a_day_without_warnings_says_nothing_of_them(tmp_path: Path) -> None:
    plan_pruning(scored_by_hand(tmp_path, approval="automatic"))
    assert "in spite of" not in plan_pruning(scored_by_hand(tmp_path, NEXT)).headline
