"""Finetune the pruned model on its tiers' grids: checkpoint stage=baseline → stage=finetuned."""

from __future__ import annotations

import torch

from jobs.context import DayContext, JobResult
from shark_core.evaluation.training_figures import training_figures
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.models.checkpoint import load_checkpoint, load_row_sums, write_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import choose_device
from shark_core.models.training import FitResult, FitSettings, fit
from shark_core.pruning.plan import FILE_NAME as PLAN_FILE
from shark_core.pruning.plan import PruningPlan
from shark_core.quantization.row_snapper import RowSnapper
from shark_core.schemas import CHECKPOINT, EXAMPLES, IMPORTANCE, PLAN, ROW_PRIORITY
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import training_slice, validation_slice


def finetune(context: DayContext) -> JobResult:
    """The day's training slice once more, at finetuning's rates, without the pruned fields."""
    config = context.config
    model = _pruned_model(context).to(choose_device(config.training))
    snapper = RowSnapper.of(context.lake, config, context.day, model.kept)
    snapper.snap_all(model)
    result = _fit(context, model, snapper)
    fields = {"kept": len(model.kept), "pruned": len(model.pruned)}
    facts = fields | training_figures(result)
    with context.writer(CHECKPOINT, stage="finetuned") as writer:
        write_checkpoint(writer, model, config, facts)
        writer.commit(_inputs(context, model), facts)
    return JobResult(f"finetuned the pruned model of {context.day}", facts)


def _pruned_model(context: DayContext) -> CtrModel:
    """The baseline with each field that the plan prunes replaced by its mean embedding."""
    lake = context.lake
    plan = PruningPlan.from_json(lake.read_file(context.partition(PLAN), PLAN_FILE))
    content = lake.read_file(context.partition(IMPORTANCE), IMPORTANCE_FILE)
    means = ImportanceReport.from_json(content).mean_embeddings
    baseline = context.partition(CHECKPOINT, stage="baseline")
    model = load_checkpoint(lake, baseline, context.config)
    for name in plan.pruned:
        model.embeddings.prune(name, torch.tensor(means[name]))
    return model


def _fit(context: DayContext, model: CtrModel, snapper: RowSnapper) -> FitResult:
    lake, config, day = context.lake, context.config, context.day
    wanted, held_out = training_slice(lake, config, day), validation_slice(lake, config, day)
    return fit(
        model,
        ExampleReader(lake, config, wanted, fields=model.kept),
        ExampleReader(lake, config, held_out, fields=model.kept),
        FitSettings.of_finetuning(config),
        row_sums=load_row_sums(lake, context.partition(CHECKPOINT, stage="baseline")),
        after_step=snapper.after_step,
    )


def _inputs(context: DayContext, model: CtrModel) -> dict[str, str]:
    priorities = {
        f"row_priority/{name}": context.marker(ROW_PRIORITY, field=name).fingerprint
        for name in model.kept
    }
    return priorities | {
        "examples": context.marker(EXAMPLES).fingerprint,
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": context.marker(IMPORTANCE).fingerprint,
        "plan": context.marker(PLAN).fingerprint,
    }
