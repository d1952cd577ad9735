"""The loop takes what measurement bears out, and nothing else; on losses that are known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shark_core.config_sections import Pruning
from shark_core.errors import DataError, PermanentError
from shark_core.models.predictions import Predictions
from shark_core.pruning.loop import prune_in_steps
from shark_core.pruning.outcome import PruningOutcome
from shark_core.pruning.permitted import Permitted
from shark_core.pruning.planning import plan_pruning
from shark_core.pruning.progress import Progress
from tests.pruning.planted_losses import (
    Losses,
    PlantedModel,
    PlantedTrials,
    RecordsInMemory,
    field_of,
)

WIDE = {"max_predicted_loss": 10.0, "max_measured_loss": 10.0, "steps": 1, "max_trials": 100}


def pruned_by_steps(
    losses: Losses,
    permitted: Sequence[str] | None = None,
    trials: PlantedTrials | None = None,
    rows: dict[str, int] | None = None,
    **limits: object,
) -> PruningOutcome:
    fields = [field_of(name, (rows or {}).get(name, 10)) for name in losses.alone]
    pruning = Pruning.model_validate({**WIDE, **limits})
    allowed = Permitted.of(list(losses.alone) if permitted is None else permitted, fields, pruning)
    start = Progress.start(fields, pruning, allowed, losses.importances())
    end = prune_in_steps(start, trials or PlantedTrials(losses), RecordsInMemory())
    return end.outcome("plan")


def tried(outcome: PruningOutcome) -> list[str]:
    """`a+b` a step, `~` before one that was undone."""
    return [("" if s.accepted else "~") + "+".join(s.fields) for s in outcome.steps]


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


def test_an_undone_step_leaves_no_trace_in_later_trials() -> None:
    losses = Losses({"a": 0.5, "b": 0.0, "c": 0.6})
    trials = PlantedTrials(losses)
    pruned_by_steps(losses, trials=trials, steps=100, max_measured_loss=0.1)
    assert trials.finetuned == [(), ("b",), ("b", "a"), ("b", "c")]


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


def test_fields_without_a_score_are_an_error() -> None:
    fields = [field_of("a"), field_of("b")]
    permitted = Permitted.of(["a", "b"], fields, Pruning())
    with pytest.raises(DataError, match=r"none for \['b'\]"):
        Progress.start(fields, Pruning(), permitted, Losses({"a": 0.0}).importances())


class Diverging(PlantedTrials):
    def finetune(self, pruned: Sequence[str]) -> PlantedModel:
        if pruned:
            raise PermanentError("the loss is not finite in finetuning", found="nan")
        return super().finetune(pruned)


def test_a_trial_that_diverges_is_named_by_its_fields() -> None:
    losses = Losses({"a": 0.0, "b": 0.0, "z": 9.0})
    with pytest.raises(PermanentError, match=r"step 01(.|\n)*not finite(.|\n)*without a, b"):
        pruned_by_steps(losses, trials=Diverging(losses), max_predicted_loss=1.0)


class WithoutExamples(PlantedTrials):
    def finetune(self, pruned: Sequence[str]) -> PlantedModel:
        raise DataError("the validation slice has no example")


def test_bad_data_is_told_as_it_is() -> None:
    losses = Losses({"a": 0.0, "z": 9.0})
    with pytest.raises(DataError, match="no example"):
        pruned_by_steps(losses, trials=WithoutExamples(losses))


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
