"""train → score-fields → … → assign-tiers → finetune over two days, without Spark."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from jobs.assign_tiers import assign_tiers
from jobs.context import DayContext
from jobs.finetune import finetune
from jobs.plan_pruning import plan_pruning
from jobs.prune_fields import prune_fields
from jobs.score_fields import score_fields
from jobs.train import train
from jobs.validate_importance import validate_importance
from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Marker
from shark_core.models.checkpoint import load_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.models.table_params_file import load_table_params
from shark_core.pruning.outcome import FILE_NAME as PRUNING_FILE
from shark_core.pruning.outcome import PruningOutcome
from shark_core.quantization.row_tiers import read_row_tiers
from shark_core.quantization.straight_through import StraightThrough
from shark_core.quantization.tiered_tables import TieredTables
from shark_core.schemas import (
    CHECKPOINT,
    IMPORTANCE,
    PLAN,
    PRUNING,
    ROW_PRIORITY,
    ROW_PRIORITY_SCHEMA,
    ROW_TIERS,
)
from tests.example_lake import DAY, examples_table, tiny_config, tiny_lake, write_examples

BEFORE = DAY - timedelta(days=1)
LIMITS = {
    "max_predicted_loss": 9.0,
    "max_measured_loss": 9.0,
    "max_fields": 1,
    "keep": ["item"],
    "approval": "automatic",
}


JOBS = (
    train,
    score_fields,
    validate_importance,
    plan_pruning,
    prune_fields,
    assign_tiers,
    finetune,
)


def context(root: Path, day: date = DAY, **changes: Any) -> DayContext:
    config = tiny_config(root, **{"pruning": LIMITS, **changes})
    return DayContext(config, day, run_id="test")


def write_priorities(context: DayContext) -> None:
    """Rows of every field take turns in the three tiers."""
    for field in context.config.fields:
        rows = np.arange(field.num_embeddings)
        table = pa.table([rows, 3.0 * (rows % 3)], schema=ROW_PRIORITY_SCHEMA)
        with context.writer(ROW_PRIORITY, field=field.name) as writer:
            writer.write_table("part-00000.parquet", table)
            writer.commit({})


def run_day(context: DayContext) -> None:
    write_priorities(context)
    for job in JOBS:
        job(context)


def markers(context: DayContext) -> list[Marker]:
    stages = [context.marker(CHECKPOINT, stage=stage) for stage in ("baseline", "finetuned")]
    return [*stages, *map(context.marker, (IMPORTANCE, PLAN, PRUNING, ROW_TIERS))]


def checkpoint(context: DayContext, stage: str) -> CtrModel:
    return load_checkpoint(context.lake, context.partition(CHECKPOINT, stage=stage))


@pytest.fixture
def day(tmp_path: Path) -> DayContext:
    tiny_lake(tiny_config(tmp_path), BEFORE, DAY)
    run_day(context(tmp_path))
    return context(tmp_path)


def test_every_job_gives_the_same_content_when_run_again(day: DayContext) -> None:
    first = [marker.fingerprint for marker in markers(day)]
    run_day(day)
    assert [marker.fingerprint for marker in markers(day)] == first


def test_the_baseline_marker_holds_what_later_jobs_read(day: DayContext) -> None:
    facts = day.marker(CHECKPOINT, stage="baseline").facts
    assert facts["cut"] == "2026-01-02T19:12:00+00:00"
    assert (facts["epochs"], facts["examples"]) == (1, 400)
    assert 0 < facts["train_log_loss"] < 1
    assert 0 < facts["validation_log_loss"] < 1
    assert 0 < facts["validation_auc"] < 1


def test_the_finetuned_model_has_the_pruned_fields_as_constants(day: DayContext) -> None:
    content = day.lake.read_file(day.partition(PRUNING), PRUNING_FILE)
    outcome = PruningOutcome.from_json(content)
    model = checkpoint(day, "finetuned")
    assert len(outcome.pruned) == 1
    assert model.pruned == [*outcome.pruned]


def test_every_row_of_the_finetuned_model_is_on_its_tiers_grid(day: DayContext) -> None:
    model, baseline = checkpoint(day, "finetuned"), checkpoint(day, "baseline")
    params = load_table_params(day.lake, day.partition(CHECKPOINT, stage="finetuned"))
    for name in model.kept:
        codes = torch.from_numpy(read_row_tiers(day.lake, day.config, name, day.day))
        tables = TieredTables({name: codes}, day.config.tiers.schemes, params)
        weight, rows = model.embeddings.weight(name).detach(), torch.arange(len(codes))
        assert torch.equal(weight, tables.snapped(name, rows, weight)), name
        assert not torch.equal(weight, baseline.embeddings.weight(name)), name


def test_finetuning_trains_the_rows_that_the_examples_read(tmp_path: Path) -> None:
    tiny_lake(tiny_config(tmp_path), DAY)
    untouched, tuned = ({"epochs": epochs} for epochs in (0, 1))
    items = []
    for finetuning in (untouched, tuned):
        run_day(context(tmp_path, finetuning=finetuning))
        items.append(checkpoint(context(tmp_path), "finetuned").embeddings.weight("item"))
    assert not torch.equal(*items)


def test_the_second_day_starts_from_the_first(tmp_path: Path) -> None:
    tiny_lake(tiny_config(tmp_path), BEFORE, DAY)
    run_day(context(tmp_path, BEFORE))
    result = train(context(tmp_path))
    assert result.figures["warm_start"] is True
    assert result.figures["examples"] == 500  # the first day's held-out 100 and 400 of its own
    inputs = context(tmp_path).marker(CHECKPOINT, stage="baseline").inputs
    assert sorted(inputs) == [
        "checkpoint/ds=2026-01-01/stage=baseline",
        "examples/ds=2026-01-01",
        "examples/ds=2026-01-02",
    ]


def test_a_field_that_the_config_has_since_today_does_not_stop_the_day(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The day before has no examples of it: its held-out ones are left out, its weights are not."""
    fields = tiny_config(tmp_path).model_dump(exclude_none=True)["fields"][:2]
    tiny_lake(tiny_config(tmp_path, fields=fields), BEFORE)
    run_day(context(tmp_path, BEFORE, fields=fields))
    tiny_lake(tiny_config(tmp_path), DAY)
    result = train(context(tmp_path))
    assert result.figures["warm_start"] is True
    assert result.figures["examples"] == 400
    assert f"examples of {BEFORE} are not trained on: they lack field_tags" in caplog.text
    run_day(context(tmp_path))
    assert "tags" in checkpoint(context(tmp_path), "finetuned").kept


def test_training_again_after_the_config_changed_is_asked_for(
    day: DayContext, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="python -m jobs train"):
        score_fields(context(tmp_path, model={"head": "dlrm"}))


def test_an_interrupted_job_leaves_the_earlier_result(
    day: DayContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = day.marker(CHECKPOINT, stage="finetuned")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(StraightThrough, "after_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        finetune(day)
    assert day.marker(CHECKPOINT, stage="finetuned") == before


def test_tiers_of_another_pruning_are_refused(tmp_path: Path) -> None:
    tiny_lake(tiny_config(tmp_path), DAY)
    run_day(context(tmp_path))
    more = context(tmp_path, pruning={**LIMITS, "max_fields": 2})
    plan_pruning(more)
    prune_fields(more)
    with pytest.raises(DataError, match="another pruning"):
        finetune(more)


def test_a_day_with_one_label_only_is_refused(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    write_one_label(config)
    with pytest.raises(DataError, match="both labels"):
        train(context(tmp_path))
    assert (
        context(tmp_path).lake.find_marker(
            context(tmp_path).partition(CHECKPOINT, stage="baseline")
        )
        is None
    )


def write_one_label(config: PipelineConfig) -> None:
    table = examples_table(config, DAY, 200)
    write_examples(
        config, DAY, table.set_column(0, table.schema.field(0), pa.array([0] * 200, pa.int8()))
    )
