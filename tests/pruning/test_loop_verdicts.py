"""Which measured steps stay, and what becomes of one that is undone; on losses that are known."""

from __future__ import annotations

from tests.pruning.planted_losses import Losses, PlantedTrials, pruned_by_steps, tried


def test_an_undone_step_is_tried_again_in_halves_and_a_single_unit_is_refused() -> None:
    losses = Losses({"a": 0.001, "b": 0.002, "c": 0.003, "d": 0.004, "z": 9.0})
    surprise = Losses({**losses.alone, "a": 0.9})
    outcome = pruned_by_steps(
        losses,
        trials=PlantedTrials(surprise, losses),
        max_predicted_loss=0.1,
        max_measured_loss=0.1,
    )
    assert tried(outcome) == ["~a+b+c+d", "~a+b", "~a", "b", "c+d"]
    assert outcome.pruned == ("b", "c", "d")
    assert outcome.kept["a"].startswith("step 03: undone: ends above max_measured_loss 0.1;")
    assert "measured +0.9" in outcome.kept["a"]


def test_what_an_undone_step_tells_of_its_second_half_is_not_measured_again() -> None:
    losses = Losses({"a": 0.001, "b": 0.002, "z": 9.0})
    trials = PlantedTrials(Losses({**losses.alone, "b": 0.9}), losses)
    outcome = pruned_by_steps(losses, trials=trials, max_predicted_loss=0.1, max_measured_loss=0.1)
    assert tried(outcome) == ["~a+b", "a"]
    assert outcome.kept["b"].startswith("step 01: undone: ends above max_measured_loss 0.1;")


def test_the_whole_increase_decides_not_the_steps_own() -> None:
    losses = Losses({"a": 0.03, "b": 0.03, "c": 0.03, "z": 9.0})
    outcome = pruned_by_steps(losses, steps=400, max_measured_loss=0.07)
    assert tried(outcome) == ["a", "b", "~c", "~z"]
    assert [round(step.measured.difference, 6) for step in outcome.steps[:3]] == [0.03] * 3
    assert [round(step.total.difference, 6) for step in outcome.steps[:3]] == [0.03, 0.06, 0.09]


def test_what_a_field_that_hurts_gained_is_not_spent_on_others() -> None:
    losses = Losses({"a": -0.1, "b": 0.08, "z": 9.0})
    outcome = pruned_by_steps(losses, ["a", "b"], steps=1000, max_measured_loss=0.05)
    assert tried(outcome) == ["a", "~b"]
    assert outcome.steps[1].total.high < 0
    assert outcome.steps[1].reason.endswith("max_measured_loss 0.05 of the best state so far")


def test_the_best_state_stays_the_best_though_later_steps_are_worse() -> None:
    losses = Losses({"a": -0.1, "b": 0.04, "c": 0.041, "z": 9.0})
    outcome = pruned_by_steps(losses, ["a", "b", "c"], steps=1000, max_measured_loss=0.05)
    assert tried(outcome) == ["a", "b", "~c"]


def test_an_undone_step_leaves_no_trace_in_later_trials() -> None:
    losses = Losses({"a": 0.5, "b": 0.0, "c": 0.6})
    trials = PlantedTrials(losses)
    pruned_by_steps(losses, trials=trials, steps=100, max_measured_loss=0.1)
    assert trials.finetuned == [(), ("b",), ("b", "a"), ("b", "c")]
