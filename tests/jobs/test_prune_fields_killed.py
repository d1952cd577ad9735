"""prune-fields, ended by SIGKILL between and around its commits, then run again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from jobs.context import DayContext
from jobs.prune_fields import prune_fields
from shark_core.lake import Marker
from shark_core.pruning.outcome import FILE_NAME
from shark_core.pruning.trials import FinetunedModel, ModelTrials
from shark_core.schemas import PRUNING, PRUNING_STEP
from tests.example_lake import DAY
from tests.jobs.planned_day import approve, plan_log, scored_day
from tests.killed_jobs import AFTER_THE_MARKER, BEFORE_THE_MARKER, kill_in_store, kill_in_writer

pytestmark = pytest.mark.slow

STEPS = 4  # with the reference


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> DayContext:
    context = scored_day(tmp_path_factory.mktemp("planned"))
    approve(context)
    return context


@pytest.fixture(scope="module")
def undisturbed(planned: DayContext, tmp_path_factory: pytest.TempPathFactory) -> DayContext:
    context = copy_of(planned, tmp_path_factory.mktemp("undisturbed") / "lake")
    prune_fields(context)
    return context


@pytest.fixture
def day(planned: DayContext, tmp_path: Path) -> DayContext:
    return copy_of(planned, tmp_path / "lake")


def copy_of(context: DayContext, root: Path) -> DayContext:
    shutil.copytree(context.config.lake, root)
    return replace(context, config=context.config.model_copy(update={"lake": str(root)}))


def arguments_of(context: DayContext) -> list[str]:
    config = Path(context.config.lake).with_suffix(".yaml")
    config.write_text(yaml.safe_dump(context.config.model_dump(mode="json")))
    return ["prune-fields", "--config", str(config), "--date", str(DAY)]


def result_of(context: DayContext) -> tuple[dict[str, str], bytes, list[str]]:
    """All fingerprints on the lake, pruning.json, and what became of the plan."""
    root = Path(context.config.lake)
    markers = {path: Marker.from_json(path.read_text()) for path in root.rglob("_marker.json")}
    prints = {str(path.relative_to(root)): found.fingerprint for path, found in markers.items()}
    (plan,) = plan_log(context).plans()
    statuses = [entry.status for entry in plan_log(context).history(plan.plan_id)]
    return prints, context.lake.read_file(context.partition(PRUNING), FILE_NAME), statuses


def recorded(context: DayContext) -> int:
    folder = Path(context.lake.absolute(PRUNING_STEP.name))
    return len(list(folder.rglob("_marker.json")))


def test_a_run_killed_again_and_again_comes_to_the_same(
    day: DayContext, undisturbed: DayContext
) -> None:
    kill_in_writer(AFTER_THE_MARKER, arguments_of(day))
    assert recorded(day) == 1
    kill_in_writer(BEFORE_THE_MARKER, arguments_of(day), commits=1)
    assert recorded(day) == 2
    kill_in_writer(AFTER_THE_MARKER, arguments_of(day), commits=1)
    assert recorded(day) == STEPS
    kill_in_store(arguments_of(day), writes=0)  # pruning.json is there, its plan not yet applied
    (plan,) = plan_log(day).plans()
    assert plan.status == "approved"
    prune_fields(day)
    assert result_of(day) == result_of(undisturbed)


def test_what_was_recorded_is_not_finetuned_again(
    day: DayContext, undisturbed: DayContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_in_writer(BEFORE_THE_MARKER, arguments_of(day), commits=2)
    finetuned: list[tuple[str, ...]] = []
    original = ModelTrials.finetune

    def counted(trials: ModelTrials, pruned: tuple[str, ...]) -> FinetunedModel:
        finetuned.append(pruned)
        return original(trials, pruned)

    monkeypatch.setattr(ModelTrials, "finetune", counted)
    prune_fields(day)
    assert finetuned == [("user", "tags"), ("user", "item")]
    assert result_of(day) == result_of(undisturbed)
