"""Finetune the pruned model on its tiers' grids: checkpoint stage=baseline → stage=finetuned."""

from __future__ import annotations

from jobs.context import DayContext, JobResult, check_same_baseline
from shark_core.evaluation.training_figures import training_figures
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.models.checkpoint import write_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.pruning.finetuning import finetune_on_day, pruned_baseline
from shark_core.pruning.outcome import FILE_NAME as PRUNING_FILE
from shark_core.pruning.outcome import PruningOutcome
from shark_core.quantization.row_snapper import RowSnapper
from shark_core.schemas import CHECKPOINT, EXAMPLES, IMPORTANCE, PRUNING, ROW_PRIORITY


def finetune(context: DayContext) -> JobResult:
    """The day's training slice once more, at finetuning's rates, without the pruned fields."""
    lake, config, day = context.lake, context.config, context.day
    model = _pruned_model(context)
    snapper = RowSnapper.of(lake, config, day, model.kept)
    snapper.snap_all(model)
    result = finetune_on_day(lake, config, day, model, snapper.after_step)
    fields = {"kept": len(model.kept), "pruned": len(model.pruned)}
    facts = fields | training_figures(result)
    with context.writer(CHECKPOINT, stage="finetuned") as writer:
        write_checkpoint(writer, model, config, facts)
        writer.commit(_inputs(context, model), facts)
    return JobResult(f"finetuned the pruned model of {day}", facts)


def _pruned_model(context: DayContext) -> CtrModel:
    """The baseline with each field that pruning took replaced by its mean embedding."""
    check_same_baseline(context, PRUNING, IMPORTANCE)
    lake = context.lake
    outcome = PruningOutcome.from_json(lake.read_file(context.partition(PRUNING), PRUNING_FILE))
    content = lake.read_file(context.partition(IMPORTANCE), IMPORTANCE_FILE)
    means = ImportanceReport.from_json(content).mean_embeddings
    return pruned_baseline(lake, context.config, context.day, means, outcome.pruned)


def _inputs(context: DayContext, model: CtrModel) -> dict[str, str]:
    priorities = {
        f"row_priority/{name}": context.marker(ROW_PRIORITY, field=name).fingerprint
        for name in model.kept
    }
    return priorities | {
        "examples": context.marker(EXAMPLES).fingerprint,
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": context.marker(IMPORTANCE).fingerprint,
        "pruning": context.marker(PRUNING).fingerprint,
    }
