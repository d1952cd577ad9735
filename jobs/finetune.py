"""Finetune the pruned model on its tiers' grids: checkpoint stage=baseline → stage=finetuned."""

from __future__ import annotations

import torch

from jobs.context import DayContext, JobResult, check_same_baseline
from shark_core.evaluation.training_figures import training_figures
from shark_core.models.checkpoint import write_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.models.table_params_file import load_table_params, write_table_params
from shark_core.pruning.finetuning import finetune_on_day, pruned_baseline
from shark_core.quantization.rounding_choice import rounding_hooks
from shark_core.quantization.row_tiers import read_row_tiers
from shark_core.quantization.tiered_tables import TieredTables
from shark_core.schemas import CHECKPOINT, EXAMPLES, IMPORTANCE, PRUNING, ROW_TIERS


def finetune(context: DayContext) -> JobResult:
    """The day's training slice once more, at finetuning's rates, without the pruned fields."""
    check_same_baseline(context, PRUNING, IMPORTANCE, ROW_TIERS)
    lake, config, day = context.lake, context.config, context.day
    model = pruned_baseline(lake, config, day)
    tables = _tiered_tables(context, model)
    hooks = rounding_hooks(config, model, tables)
    result = finetune_on_day(lake, config, day, model, hooks)
    fields = {"kept": len(model.kept), "pruned": len(model.pruned)}
    facts = fields | {"rounding": config.finetuning.rounding} | training_figures(result)
    with context.writer(CHECKPOINT, stage="finetuned") as writer:
        write_checkpoint(writer, model, config, facts)
        write_table_params(writer, tables.params)
        writer.commit(_inputs(context), facts)
    return JobResult(f"finetuned the pruned model of {day}", facts)


def _tiered_tables(context: DayContext, model: CtrModel) -> TieredTables:
    lake, config, device = context.lake, context.config, model.device
    codes = {
        name: torch.from_numpy(read_row_tiers(lake, config, name, context.day)).to(device)
        for name in model.kept
    }
    fitted = load_table_params(lake, context.partition(ROW_TIERS))
    params = {
        name: {tier: numbers.to(device) for tier, numbers in fitted.get(name, {}).items()}
        for name in model.kept
    }
    return TieredTables(codes, config.tiers.schemes, params)


def _inputs(context: DayContext) -> dict[str, str]:
    return {
        "examples": context.marker(EXAMPLES).fingerprint,
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": context.marker(IMPORTANCE).fingerprint,
        "pruning": context.marker(PRUNING).fingerprint,
        "row_tiers": context.marker(ROW_TIERS).fingerprint,
    }
