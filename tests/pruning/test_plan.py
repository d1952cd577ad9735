"""A plan adds up, and plan.json is read back exactly or refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings

from shark_core.errors import DataError
from shark_core.pruning.plan import Decision, PruningPlan
from tests.pruning.plan_cases import Case, cases

PLAN = PruningPlan(
    (
        Decision("a", "prune", "pruned: hurts", 40, -0.1, -0.2, 0.0),
        Decision("b", "keep", "kept: on the keep list", 80, 0.9, 0.8, 1.0),
        Decision("c", "prune", "pruned: saves 20 bytes", 20, 0.2, 0.1, 0.3),
        Decision("d", "prune", "pruned: saves 10 bytes", 10, 0.3, 0.25, 0.35),
    ),
    warnings=("not to be trusted",),
)


def test_a_plan_adds_up_what_is_pruned() -> None:
    assert (PLAN.kept, PLAN.pruned, PLAN.kept_bytes) == (["b"], ["a", "c", "d"], 80)
    assert PLAN.predicted_loss == pytest.approx(0.4)
    assert (PLAN.predicted_low, PLAN.predicted_high) == pytest.approx((0.15, 0.65))


@settings(max_examples=40, deadline=None)
@given(cases())
def test_a_plan_comes_back_from_json_as_it_was(case: Case) -> None:
    plan = case.plan()
    assert PruningPlan.from_json(plan.to_json()) == plan


def test_a_figure_that_json_does_not_have_is_never_written() -> None:
    decision = Decision("a", "keep", "kept", 1, 0.1, 0.1, math.inf)
    with pytest.raises(ValueError, match="JSON compliant"):
        PruningPlan((decision,)).to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kept": [], "pruned": [], "decisions": [{}]}'])
def test_a_damaged_plan_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"plan\.json is damaged"):
        PruningPlan.from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        {"approved": True},
        {"pruned": ["a"]},
        {"kept": ["b", "x"]},
        {"warnings": None},
        {"decisions": []},
    ],
)
def test_a_plan_that_says_something_else_is_refused(change: dict[str, Any]) -> None:
    document = {**json.loads(PLAN.to_json()), **change}
    with pytest.raises(DataError, match=r"plan\.json is damaged"):
        PruningPlan.from_json(json.dumps(document))


@pytest.mark.parametrize(
    "change", [{"action": "drop"}, {"bytes": "40"}, {"high": math.nan}, {"low": None}, {"more": 1}]
)
def test_a_decision_that_is_none_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(PLAN.to_json())
    document["decisions"][0] |= change
    with pytest.raises(DataError, match=r"plan\.json is damaged"):
        PruningPlan.from_json(json.dumps(document))
