"""prune-fields on real small models: `user` is noise, `tags` matter, `item` matters a lot."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.context import DayContext
from jobs.prune_fields import prune_fields
from jobs.score_fields import score_fields
from jobs.train import train
from shark_core.errors import DataError, PermanentError
from shark_core.models.checkpoint import load_checkpoint
from shark_core.pruning.finetuning import baseline_without, finetune_on_day
from shark_core.pruning.step_records import PREDICTIONS_FILE, STEP_FILE
from shark_core.pruning.trials import ModelTrials
from shark_core.schemas import CHECKPOINT, IMPORTANCE, PRUNING, PRUNING_STEP
from tests.example_lake import DAY, examples_table, write_examples
from tests.jobs.planned_day import (
    LIMITS,
    approve,
    means_of,
    outcome_of,
    plan_log,
    propose,
    scored_day,
)

MakeDay = Callable[..., DayContext]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> DayContext:
    return scored_day(tmp_path_factory.mktemp("scored"))


@pytest.fixture
def make_day(scored: DayContext, tmp_path: Path) -> MakeDay:
    """The scored day on a lake of its own; keywords change `pruning`, `config` the rest."""

    def make(config: dict[str, Any] | None = None, **limits: Any) -> DayContext:
        root = tmp_path / "lake"
        if not root.exists():
            shutil.copytree(scored.config.lake, root)
        document = scored.config.model_dump(mode="json")
        document |= {"lake": str(root), "pruning": {**LIMITS, **limits}, **(config or {})}
        return replace(scored, config=type(scored.config).model_validate(document))

    return make


def fail(*_: object) -> None:
    raise AssertionError("a model was finetuned")


def steps_on_lake(context: DayContext) -> list[str]:
    folder = Path(context.lake.absolute(f"{PRUNING_STEP.name}/ds={context.day}"))
    return sorted(path.parent.name for path in folder.glob("*/_marker.json"))


def test_only_what_measures_well_is_pruned(make_day: MakeDay) -> None:
    day = make_day()
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
    make_day: MakeDay,
) -> None:
    day = make_day()
    approve(day, ["user"])
    prune_fields(day)
    losses = []
    for pruned in ([], ["user"]):
        model = baseline_without(day.lake, day.config, DAY, means_of(day), pruned)
        losses.append(finetune_on_day(day.lake, day.config, DAY, model).validation.log_loss)
    assert outcome_of(day).measured.difference == pytest.approx(losses[1] - losses[0], abs=1e-7)


def test_the_day_says_what_was_predicted_and_measured(make_day: MakeDay) -> None:
    day = make_day()
    approve(day)
    result = prune_fields(day)
    facts, outcome = day.marker(PRUNING).facts, outcome_of(day)
    assert (facts["steps"], facts["accepted"], facts["undone"], facts["pruned"]) == (3, 1, 2, 1)
    assert facts["measured_loss_high"] == outcome.steps[0].total.high
    assert facts["predicted_loss"] == outcome.steps[0].predicted.mean
    assert result.headline.startswith("pruned 1 of the 3 fields")


def test_every_step_is_on_the_lake_with_its_inputs(make_day: MakeDay) -> None:
    day = make_day()
    plan = approve(day)
    prune_fields(day)
    assert steps_on_lake(day) == ["step=00", "step=01", "step=02", "step=03"]
    last, before = (day.marker(PRUNING_STEP, step=step) for step in ("03", "02"))
    assert last.inputs == {
        "checkpoint": day.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": day.marker(IMPORTANCE).fingerprint,
        f"examples/ds={DAY}": last.inputs[f"examples/ds={DAY}"],
        "plan": plan.plan_id,
        f"pruning_step/ds={DAY}/step=02": before.fingerprint,
    }
    with pytest.raises(DataError, match=PREDICTIONS_FILE):  # of an undone step
        day.lake.read_file(day.partition(PRUNING_STEP, step="02"), PREDICTIONS_FILE)


def test_the_rest_is_scored_again_on_the_model_without_the_accepted_fields(
    make_day: MakeDay,
) -> None:
    day = make_day()
    approve(day)
    prune_fields(day)
    trials = ModelTrials(day.lake, day.config, DAY, means_of(day))
    scores = {entry.field: entry.score for entry in trials.finetune(["user"]).importances()}
    assert outcome_of(day).steps[1].predicted.mean == scores["tags"]


def test_the_plan_is_marked_as_applied_once(make_day: MakeDay) -> None:
    day = make_day()
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
    make_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelTrials, "finetune", fail)
    day = make_day()
    waiting = propose(day)
    result = prune_fields(day)
    assert (outcome_of(day).plan_id, outcome_of(day).pruned) == (None, ())
    assert f"{waiting.plan_id} waits for approval" in result.headline
    assert result.figures["approve_it"].endswith(f"--plan {waiting.plan_id}")


def test_a_day_without_any_plan_says_so(make_day: MakeDay) -> None:
    result = prune_fields(make_day())
    assert result.headline == f"no plan is in force on {DAY}: nothing is pruned"


def test_the_plan_of_an_earlier_day_stays_in_force(make_day: MakeDay) -> None:
    day = make_day()
    plan = approve(day, ["user"], day=DAY - timedelta(days=3))
    prune_fields(day)
    assert (outcome_of(day).plan_id, outcome_of(day).pruned) == (plan.plan_id, ("user",))


def test_fields_that_the_config_no_longer_has_are_a_warning(
    make_day: MakeDay, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_day()
    approve(day, ["user", "gone"])
    prune_fields(day)
    assert outcome_of(day).kept == {"gone": "the config no longer has this field"}
    assert "permits field 'gone', which stays" in caplog.text


def test_nothing_is_finetuned_where_nothing_permitted_may_go(
    make_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelTrials, "finetune", fail)
    day = make_day(keep=["user"])
    plan = approve(day, ["user"])
    prune_fields(day)
    assert (outcome_of(day).plan_id, outcome_of(day).steps) == (plan.plan_id, ())
    assert outcome_of(day).kept == {"user": "on the keep list"}
    assert steps_on_lake(day) == []


def test_running_again_takes_the_recorded_steps(
    make_day: MakeDay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_day()
    approve(day)
    prune_fields(day)
    before = day.marker(PRUNING)
    monkeypatch.setattr(ModelTrials, "finetune", fail)
    caplog.set_level(logging.INFO)
    prune_fields(day)
    assert day.marker(PRUNING).fingerprint == before.fingerprint
    assert caplog.text.count("taken from an earlier run") == 4


def test_steps_of_a_run_with_another_config_are_not_mixed_in(make_day: MakeDay) -> None:
    approve(make_day())
    prune_fields(make_day(max_measured_loss=9.0))
    assert outcome_of(make_day()).pruned == ("user", "tags")
    prune_fields(make_day())
    mixed = outcome_of(make_day())
    shutil.rmtree(make_day().lake.absolute(PRUNING_STEP.name))
    prune_fields(make_day())
    assert mixed == outcome_of(make_day())


def test_steps_beyond_the_last_are_not_counted(make_day: MakeDay) -> None:
    approve(make_day())
    prune_fields(make_day())
    day = make_day(max_trials=1)
    prune_fields(day)
    assert steps_on_lake(day) == ["step=00", "step=01", "step=02", "step=03"]
    counted = [path for path in day.marker(PRUNING).inputs if path.startswith("pruning_step/")]
    assert [path[-7:] for path in counted] == ["step=00", "step=01"]


@pytest.mark.parametrize("name", [STEP_FILE, PREDICTIONS_FILE, "_marker.json"])
def test_a_damaged_record_is_measured_again(
    name: str, make_day: MakeDay, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_day()
    approve(day)
    prune_fields(day)
    before = day.marker(PRUNING).fingerprint
    folder = Path(day.lake.absolute(day.partition(PRUNING_STEP, step="01").path))
    stem, suffix = name.split(".")
    (path,) = folder.glob(f"{stem}*.{suffix}")
    path.write_bytes(path.read_bytes()[:-9])
    prune_fields(day)
    assert "step 01 is measured again" in caplog.text
    assert day.marker(PRUNING).fingerprint == before


def test_importances_of_another_checkpoint_are_refused(make_day: MakeDay) -> None:
    day = make_day()
    approve(day)
    longer = make_day(config={"training": {"seed": 8}})
    train(longer)
    with pytest.raises(DataError, match=r"another checkpoint(.|\n)*score-fields"):
        prune_fields(longer)


def test_a_diverging_trial_is_named_by_its_fields(
    make_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = make_day()
    approve(day)
    original = baseline_without

    def spoiled(*arguments: Any) -> Any:
        model = original(*arguments)
        if "user" in model.pruned:
            model.embeddings.weight("item").data.fill_(1e38)
        return model

    monkeypatch.setattr("shark_core.pruning.trials.baseline_without", spoiled)
    with pytest.raises(PermanentError, match=r"step 01(.|\n)*not finite(.|\n)*without user"):
        prune_fields(day)
    assert steps_on_lake(day) == ["step=00"]
    assert day.lake.find_marker(day.partition(PRUNING)) is None


def test_predictions_that_are_not_finite_are_refused(
    make_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = make_day(config={"finetuning": {"epochs": 0}})
    approve(day)
    original = baseline_without

    def spoiled(*arguments: Any) -> Any:
        model = original(*arguments)
        model.embeddings.weight("item").data.fill_(float("nan"))
        return model

    monkeypatch.setattr("shark_core.pruning.trials.baseline_without", spoiled)
    with pytest.raises(PermanentError, match=r"step 00(.|\n)*not finite(.|\n)*nothing pruned"):
        prune_fields(day)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (0, "a day has no examples"),
        (1, "the training slice has no example"),
        (2, "too few held-out examples(.|\n)*found: +1"),
    ],
)
def test_a_day_with_too_few_examples_is_refused(rows: int, said: str, make_day: MakeDay) -> None:
    day = make_day()
    approve(day)
    write_examples(day.config, DAY, examples_table(day.config, DAY, rows))
    with pytest.raises(DataError, match=said):
        prune_fields(day)


def test_the_baseline_checkpoint_is_left_as_it_was(make_day: MakeDay) -> None:
    day = make_day()
    approve(day)
    before = day.marker(CHECKPOINT, stage="baseline")
    prune_fields(day)
    assert day.marker(CHECKPOINT, stage="baseline") == before
    assert load_checkpoint(day.lake, day.partition(CHECKPOINT, stage="baseline")).pruned == []


def test_scoring_again_makes_earlier_steps_stale(make_day: MakeDay) -> None:
    day = make_day()
    approve(day)
    prune_fields(day)
    fewer = make_day(config={"importance": {"max_examples": 300}})
    score_fields(fewer)
    prune_fields(fewer)
    scores = day.marker(PRUNING_STEP, step="01").inputs["importance"]
    assert scores == fewer.marker(IMPORTANCE).fingerprint
