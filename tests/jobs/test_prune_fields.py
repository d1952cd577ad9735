"""prune-fields on real small models: `user` is noise, `tags` matter, `item` matters a lot."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs.prune_fields import prune_fields
from shark_core.errors import DataError
from shark_core.models.checkpoint import load_checkpoint
from shark_core.pruning.finetuning import baseline_without, finetune_on_day
from shark_core.pruning.step_records import PREDICTIONS_FILE
from shark_core.pruning.trials import ModelTrials, trial_settings
from shark_core.schemas import CHECKPOINT, IMPORTANCE, PRUNING, PRUNING_STEP
from tests.example_lake import DAY
from tests.jobs.planned_day import (
    MakeDay,
    approve,
    fail,
    means_of,
    outcome_of,
    plan_log,
    propose,
    steps_on_lake,
)


def test_only_what_measures_well_is_pruned(make_scored_day: MakeDay) -> None:
    day = make_scored_day()
    plan = approve(day)
    prune_fields(day)
    outcome = outcome_of(day)
    assert (outcome.plan_id, outcome.pruned) == (plan.plan_id, ("user",))
    assert [(s.fields, s.accepted) for s in outcome.steps] == [
        (("user",), True),
        (("tags",), False),
        (("item",), False),
    ]
    assert "ends above max_measured_loss 0.012" in outcome.kept["tags"]


def test_a_trial_measures_what_finetuning_the_baseline_without_the_fields_gives(
    make_scored_day: MakeDay,
) -> None:
    day = make_scored_day()
    approve(day, ["user"])
    prune_fields(day)
    losses = []
    for pruned in ([], ["user"]):
        model = baseline_without(day.lake, day.config, DAY, means_of(day), pruned)
        losses.append(finetune_on_day(day.lake, day.config, DAY, model).validation.log_loss)
    assert outcome_of(day).measured.difference == pytest.approx(losses[1] - losses[0], abs=1e-7)


def test_the_day_says_what_was_predicted_and_measured(make_scored_day: MakeDay) -> None:
    day = make_scored_day()
    approve(day)
    result = prune_fields(day)
    facts, outcome = day.marker(PRUNING).facts, outcome_of(day)
    assert (facts["steps"], facts["accepted"], facts["undone"], facts["pruned"]) == (3, 1, 2, 1)
    assert facts["measured_loss_high"] == outcome.steps[0].total.high
    assert facts["predicted_loss"] == outcome.steps[0].predicted.mean
    assert result.headline.startswith("pruned 1 of the 3 fields")


def test_every_step_is_on_the_lake_with_its_inputs(make_scored_day: MakeDay) -> None:
    day = make_scored_day()
    plan = approve(day)
    prune_fields(day)
    assert steps_on_lake(day) == ["step=00", "step=01", "step=02", "step=03"]
    last, before = (day.marker(PRUNING_STEP, step=step) for step in ("03", "02"))
    assert last.inputs == {
        "checkpoint": day.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": day.marker(IMPORTANCE).fingerprint,
        f"examples/ds={DAY}": last.inputs[f"examples/ds={DAY}"],
        "plan": plan.plan_id,
        "trial_settings": trial_settings(day.config),
        f"pruning_step/ds={DAY}/step=02": before.fingerprint,
    }
    with pytest.raises(DataError, match=PREDICTIONS_FILE):  # of an undone step
        day.lake.read_file(day.partition(PRUNING_STEP, step="02"), PREDICTIONS_FILE)


def test_the_rest_is_scored_again_on_the_model_without_the_accepted_fields(
    make_scored_day: MakeDay,
) -> None:
    day = make_scored_day()
    approve(day)
    prune_fields(day)
    trials = ModelTrials(day.lake, day.config, DAY, means_of(day))
    scores = {entry.field: entry.score for entry in trials.finetune(["user"]).importances()}
    assert outcome_of(day).steps[1].predicted.mean == scores["tags"]


def test_the_plan_is_marked_as_applied_once(make_scored_day: MakeDay) -> None:
    day = make_scored_day()
    plan = approve(day)
    prune_fields(day)
    prune_fields(day)
    history = plan_log(day).history(plan.plan_id)
    assert [entry.status for entry in history] == ["applied", "approved", "proposed"]
    assert (history[0].by, history[0].note) == (
        "prune-fields, run test",
        f"on {DAY}: 1 of 3 fields pruned",
    )


def test_without_a_plan_in_force_nothing_is_pruned_and_the_waiting_one_is_named(
    make_scored_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelTrials, "finetune", fail)
    day = make_scored_day()
    waiting = propose(day)
    result = prune_fields(day)
    assert (outcome_of(day).plan_id, outcome_of(day).pruned) == (None, ())
    assert f"{waiting.plan_id} waits for approval" in result.headline
    assert result.figures["approve_it"].endswith(f"--plan {waiting.plan_id}")


def test_a_day_without_any_plan_says_so(make_scored_day: MakeDay) -> None:
    result = prune_fields(make_scored_day())
    assert result.headline == f"no plan is in force on {DAY}: nothing is pruned"


def test_the_plan_of_an_earlier_day_stays_in_force(make_scored_day: MakeDay) -> None:
    day = make_scored_day()
    plan = approve(day, ["user"], day=DAY - timedelta(days=3))
    prune_fields(day)
    assert (outcome_of(day).plan_id, outcome_of(day).pruned) == (plan.plan_id, ("user",))


def test_fields_that_the_config_no_longer_has_are_a_warning(
    make_scored_day: MakeDay, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_scored_day()
    approve(day, ["user", "gone"])
    prune_fields(day)
    assert outcome_of(day).kept == {"gone": "the config no longer has this field"}
    assert "permits field 'gone', which stays" in caplog.text


def test_nothing_is_finetuned_where_nothing_permitted_may_go(
    make_scored_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelTrials, "finetune", fail)
    day = make_scored_day(keep=["user"])
    plan = approve(day, ["user"])
    prune_fields(day)
    assert (outcome_of(day).plan_id, outcome_of(day).steps) == (plan.plan_id, ())
    assert outcome_of(day).kept == {"user": "on the keep list"}
    assert steps_on_lake(day) == []


def test_the_baseline_checkpoint_is_left_as_it_was(make_scored_day: MakeDay) -> None:
    day = make_scored_day()
    approve(day)
    before = day.marker(CHECKPOINT, stage="baseline")
    prune_fields(day)
    assert day.marker(CHECKPOINT, stage="baseline") == before
    assert load_checkpoint(day.lake, day.partition(CHECKPOINT, stage="baseline")).pruned == []
