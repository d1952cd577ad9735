"""The pruning plan is the best one within its limits, whatever the importances are."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from shark_core.config_sections import Pruning
from shark_core.pruning.planning import plan_pruning
from tests.pruning.plan_cases import Case, Oracle, cases, field, importance


@settings(max_examples=40, deadline=None)
@given(cases())
def test_no_limit_is_passed(case: Case) -> None:
    plan, limits = case.plan(), case.limits
    assert plan.predicted_high <= limits.max_predicted_loss
    assert len(plan.pruned) <= (99 if limits.max_fields is None else limits.max_fields)
    assert not set(plan.pruned) & set(limits.keep)
    assert plan.kept
    assert sorted([*plan.kept, *plan.pruned]) == [each.name for each in case.fields]


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_plan_is_as_good_as_the_best_of_all_sets(case: Case) -> None:
    plan, oracle, budget = case.plan(), Oracle(case), case.limits.byte_budget
    best = oracle.best(oracle.free())
    pruned = tuple(plan.pruned)
    met = budget is not None and plan.kept_bytes <= budget
    event("no budget" if budget is None else "budget met" if met else "budget missed")
    if not met:
        assert oracle.bytes(pruned) == oracle.bytes(best)
    assert oracle.loss(pruned) == pytest.approx(oracle.loss(best), rel=1e-5, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_a_budget_is_missed_only_where_no_set_meets_it(case: Case) -> None:
    budget = case.limits.byte_budget
    if budget is None:
        return
    plan, oracle = case.plan(), Oracle(case)
    everything = oracle.bytes(tuple(each.name for each in case.fields))
    reached = everything - oracle.bytes(oracle.best(oracle.free())) <= budget
    assert (plan.kept_bytes <= budget) == reached
    assert any("is missed by" in warning for warning in plan.warnings) == (not reached)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_what_hurts_goes_first_in_its_order_unless_a_limit_forbids_it(case: Case) -> None:
    plan, oracle = case.plan(), Oracle(case)
    hurting = [unit for unit in oracle.units if oracle.score(unit) < 0]
    expected = set(oracle.hurting(oracle.free()))
    assert {name for unit in hurting for name in unit} & set(plan.pruned) == expected


@settings(max_examples=40, deadline=None)
@given(cases())
def test_groups_live_or_die_together(case: Case) -> None:
    pruned = set(case.plan().pruned)
    for group in case.limits.groups:
        assert len(pruned & set(group)) in (0, len(group))


@settings(max_examples=40, deadline=None)
@given(cases())
def test_nothing_is_pruned_that_a_met_budget_does_not_need(case: Case) -> None:
    plan, oracle, budget = case.plan(), Oracle(case), case.limits.byte_budget
    if budget is None or plan.kept_bytes > budget:
        return
    for unit in oracle.units:
        if unit[0] in plan.pruned and oracle.score(unit) >= 0:
            assert plan.kept_bytes + oracle.bytes(unit) > budget


@settings(max_examples=40, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_importances_and_limits_changes_nothing(case: Case, random: Random) -> None:
    importances, keep = list(case.importances), list(case.limits.keep)
    groups = [tuple(reversed(group)) for group in case.limits.groups]
    for shuffled in (importances, keep, groups):
        random.shuffle(shuffled)
    limits = case.limits.model_copy(update={"keep": tuple(keep), "groups": tuple(groups)})
    again = replace(case, importances=tuple(importances), limits=limits)
    assert again.plan().to_json() == case.plan().to_json()


@settings(max_examples=40, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_fields_changes_no_decision(case: Case, random: Random) -> None:
    fields = random.sample(case.fields, len(case.fields))
    plan = replace(case, fields=tuple(fields)).plan()
    assert [decision.field for decision in plan.decisions] == [each.name for each in fields]
    assert set(plan.decisions) == set(case.plan().decisions)


@pytest.mark.parametrize("share", [None, 0.6])
def test_a_thousand_fields_are_planned_for_within_the_limits(share: float | None) -> None:
    random = Random(1)
    names = [f"f{number:03}" for number in range(1_000)]
    fields = [field(name, int(10 ** random.uniform(1, 7))) for name in names]
    scores = [importance(name, random.gauss(5e-4, 1e-3), error=1e-5) for name in names]
    size = sum(each.float_bytes for each in fields)
    limits = Pruning(
        max_predicted_loss=0.02,
        max_fields=600,
        byte_budget=None if share is None else int(share * size),
    )
    plan = plan_pruning(fields, scores, limits)
    assert plan.warnings == ()
    assert plan.predicted_high <= 0.02
    assert len(plan.pruned) <= 600
    assert plan.kept_bytes <= (size if share is None else share * size)
    assert plan == plan_pruning(fields, scores[::-1], limits)
