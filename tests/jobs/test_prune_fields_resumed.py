"""Which recorded steps a run of prune-fields takes over, and which it measures again."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.prune_fields import prune_fields
from jobs.score_fields import score_fields
from shark_core.pruning.step_records import PREDICTIONS_FILE, STEP_FILE
from shark_core.pruning.trials import ModelTrials
from shark_core.schemas import IMPORTANCE, PRUNING, PRUNING_STEP
from tests.jobs.planned_day import MakeDay, approve, fail, outcome_of, steps_on_lake


def test_running_again_takes_the_recorded_steps(
    make_scored_day: MakeDay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_scored_day()
    approve(day)
    prune_fields(day)
    before = day.marker(PRUNING)
    monkeypatch.setattr(ModelTrials, "finetune", fail)
    caplog.set_level(logging.INFO)
    prune_fields(day)
    assert day.marker(PRUNING).fingerprint == before.fingerprint
    assert caplog.text.count("taken from an earlier run") == 4


@pytest.mark.parametrize(
    "changed",
    [
        {"release": {"promotion": "automatic"}},
        {"gates": {"max_auc_drop": 0.1}},
        {"tiers": {"int8_below": 1.0, "fp16_below": 9.0}},
        {"evaluation": {"slice_field": "item"}},
    ],
)
def test_recorded_steps_outlive_a_change_of_what_no_trial_reads(
    changed: dict[str, Any], make_scored_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, edited = make_scored_day(), make_scored_day(config=changed)
    assert edited.config.config_hash != day.config.config_hash
    approve(day)
    prune_fields(day)
    monkeypatch.setattr(ModelTrials, "finetune", fail)
    prune_fields(edited)
    assert outcome_of(edited).pruned == ("user",)


def test_steps_of_a_run_with_another_config_are_not_mixed_in(make_scored_day: MakeDay) -> None:
    approve(make_scored_day())
    prune_fields(make_scored_day(max_measured_loss=9.0))
    assert outcome_of(make_scored_day()).pruned == ("user", "tags")
    prune_fields(make_scored_day())
    mixed = outcome_of(make_scored_day())
    shutil.rmtree(make_scored_day().lake.absolute(PRUNING_STEP.name))
    prune_fields(make_scored_day())
    assert mixed == outcome_of(make_scored_day())


def test_steps_that_other_code_measured_are_measured_again(
    make_scored_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = make_scored_day()
    approve(day, ["user"])
    prune_fields(day)
    monkeypatch.setattr("jobs.prune_fields.code_version", lambda: "another")
    prune_fields(day)
    assert day.marker(PRUNING_STEP, step="01").code_version == "another"


def test_steps_beyond_the_last_are_not_counted(make_scored_day: MakeDay) -> None:
    approve(make_scored_day())
    prune_fields(make_scored_day())
    day = make_scored_day(max_trials=1)
    prune_fields(day)
    assert steps_on_lake(day) == ["step=00", "step=01", "step=02", "step=03"]
    counted = [path for path in day.marker(PRUNING).inputs if path.startswith("pruning_step/")]
    assert [path[-7:] for path in counted] == ["step=00", "step=01"]


@pytest.mark.parametrize("name", [STEP_FILE, PREDICTIONS_FILE, "_marker.json"])
def test_a_damaged_record_is_measured_again(
    name: str, make_scored_day: MakeDay, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_scored_day()
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


def test_a_damaged_record_asks_nothing_of_the_operator(
    make_scored_day: MakeDay, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_scored_day()
    approve(day, ["user"])
    prune_fields(day)
    folder = Path(day.lake.absolute(day.partition(PRUNING_STEP, step="01").path))
    (path,) = folder.glob("step*.json")
    path.write_bytes(b"{}")
    prune_fields(day)
    assert "do:       nothing: the step is measured again" in caplog.text


def test_scoring_again_makes_earlier_steps_stale(make_scored_day: MakeDay) -> None:
    day = make_scored_day()
    approve(day)
    prune_fields(day)
    fewer = make_scored_day(config={"importance": {"max_examples": 300}})
    score_fields(fewer)
    prune_fields(fewer)
    scores = day.marker(PRUNING_STEP, step="01").inputs["importance"]
    assert scores == fewer.marker(IMPORTANCE).fingerprint
