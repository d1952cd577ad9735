"""The loop takes what measurement bears out, and nothing else; on losses that are known."""

from __future__ import annotations

import pytest

from shark_core.config_sections import Pruning
from shark_core.models.predictions import Predictions
from shark_core.pruning.planning import plan_pruning
from tests.pruning.planted_losses import Losses, PlantedTrials, field_of, pruned_by_steps, tried


def test_of_a_redundant_pair_exactly_one_goes_where_one_shot_planning_drops_both() -> None:
    losses = Losses({"a": 0.0, "b": 0.0, "c": 0.5}, pairs={("a", "b"): 0.2})
    limits = {"max_predicted_loss": 0.01, "max_measured_loss": 0.01}
    fields = [field_of(name) for name in losses.alone]
    plan = plan_pruning(fields, losses.importances(), Pruning.model_validate(limits))
    outcome = pruned_by_steps(losses, plan.pruned, **limits)
    assert plan.pruned == ["a", "b"]
    assert tried(outcome) == ["~a+b", "a"]
    assert outcome.pruned == ("a",)
    assert "in all +0.20000" in outcome.kept["b"]


def test_once_a_field_goes_its_double_is_scored_as_important() -> None:
    losses = Losses({"a": 0.003, "b": 0.004, "c": 0.5}, pairs={("a", "b"): 0.2})
    outcome = pruned_by_steps(losses, ["a", "b"], max_predicted_loss=0.01, steps=4)
    assert tried(outcome) == ["a"]
    why = "0.204, would take the accepted steps' 0.003 past max_predicted_loss 0.01"
    assert why in outcome.kept["b"]


def test_least_predicted_loss_goes_first_then_more_bytes_then_by_name() -> None:
    losses = Losses({"e": 0.1, "d": -0.1, "c": 0.0, "b": 0.0, "a": 0.0, "z": 9.0})
    outcome = pruned_by_steps(losses, rows={"c": 20}, max_predicted_loss=0.2)
    assert tried(outcome) == ["d+c+a+b+e"]
    assert outcome.pruned == ("e", "d", "c", "b", "a")


def test_a_step_ends_at_its_share_of_the_predicted_loss() -> None:
    losses = Losses({"a": 0.01, "b": 0.01, "c": 0.01, "d": 0.01, "z": 9.0})
    outcome = pruned_by_steps(losses, max_predicted_loss=0.0401, steps=2)
    assert tried(outcome) == ["a+b", "c+d"]


def test_one_unit_alone_may_pass_the_share_of_a_step_but_not_the_whole() -> None:
    losses = Losses({"a": 0.03, "b": 0.06, "z": 9.0})
    outcome = pruned_by_steps(losses, max_predicted_loss=0.08, steps=8)
    assert tried(outcome) == ["a"]
    assert "would take the accepted steps' 0.03 past" in outcome.kept["b"]


def test_a_field_that_hurts_pays_for_no_other() -> None:
    outcome = pruned_by_steps(Losses({"a": -1.0, "b": 0.06, "z": 9.0}), max_predicted_loss=0.05)
    assert tried(outcome) == ["a"]


def test_the_upper_end_of_the_prediction_counts() -> None:
    losses = Losses({"a": 0.0, "b": 0.0}, error=0.01)
    assert pruned_by_steps(losses, max_predicted_loss=0.005).pruned == ()


def test_groups_go_or_stay_together() -> None:
    losses = Losses({"a": 0.001, "b": 0.5, "c": 0.01, "z": 9.0})
    limits = {"groups": [["b", "a"]], "steps": 100}
    assert tried(pruned_by_steps(losses, **limits)) == ["c", "a+b"]
    refused = pruned_by_steps(losses, max_measured_loss=0.1, **limits)
    assert (refused.pruned, sorted(refused.kept)) == (("c",), ["a", "b", "z"])


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"keep": ["a"]}, {"a": "on the keep list"}),
        (
            {"keep": ["a"], "groups": [["a", "b"]]},
            dict.fromkeys("ab", "on the keep list, as a of its group"),
        ),
        (
            {"groups": [["a", "z"]]},
            {"a": "the plan does not permit z of its group"},
        ),
        ({"max_fields": 0}, dict.fromkeys("ab", "it would be 1 fields pruned, past max_fields 0")),
        (
            {"byte_budget": 120},
            dict.fromkeys("ab", "the 120 bytes that remain fit byte_budget 120"),
        ),
    ],
)
def test_the_limits_of_the_plan_hold_here_too(
    limits: dict[str, object], kept: dict[str, str]
) -> None:
    outcome = pruned_by_steps(Losses({"a": 0.0, "b": 0.0, "z": 9.0}), ["a", "b"], **limits)
    assert outcome.kept == kept
    assert set(outcome.pruned) == {"a", "b"} - set(kept)


def test_no_more_is_pruned_than_the_byte_budget_asks_for() -> None:
    outcome = pruned_by_steps(Losses(dict.fromkeys("abcd", 0.0)), byte_budget=80)
    assert tried(outcome) == ["a+b"]


def test_the_last_field_stays() -> None:
    outcome = pruned_by_steps(Losses({"a": 0.0, "b": 0.0}))
    assert outcome.pruned == ("a",)
    assert outcome.kept == {"b": "the last field always stays"}


def test_fields_that_the_config_no_longer_has_are_named() -> None:
    outcome = pruned_by_steps(Losses({"a": 0.0, "z": 9.0}), ["a", "gone"])
    assert (outcome.pruned, outcome.kept) == (
        ("a",),
        {"gone": "the config no longer has this field"},
    )


def test_after_max_trials_the_rest_is_kept() -> None:
    outcome = pruned_by_steps(
        Losses({"a": 0.1, "b": 0.2, "c": 0.3, "z": 9.0}), list("abc"), steps=1000, max_trials=2
    )
    assert tried(outcome) == ["a", "b"]
    assert outcome.kept == {"c": "max_trials 2 used up"}


def test_nothing_is_finetuned_where_nothing_may_go() -> None:
    trials = PlantedTrials(Losses({"a": 0.5, "b": 0.5}))
    pruned_by_steps(trials.losses, trials=trials, max_predicted_loss=0.1)
    assert trials.finetuned == []


def test_predictions_of_the_planted_world_have_its_losses() -> None:
    found: Predictions = Losses({"a": 0.25}, noise=0.1).predictions(["a"])
    assert found.log_loss == pytest.approx(0.85)


def test_what_hurts_goes_whatever_the_byte_budget_as_the_plan_has_it() -> None:
    losses = Losses({"a": -0.1, "b": -0.05, "c": 0.0, "z": 9.0})
    fields = [field_of(name) for name in losses.alone]
    limits = {"byte_budget": 120, "max_predicted_loss": 1.0}
    plan = plan_pruning(fields, losses.importances(), Pruning.model_validate(limits))
    outcome = pruned_by_steps(losses, plan.pruned, **limits)
    assert plan.pruned == ["a", "b"]
    assert outcome.pruned == ("a", "b")
