"""Finetune the pruned model on its tiers' grids: checkpoint stage=baseline → stage=finetuned."""

from __future__ import annotations

import torch

from jobs.context import DayContext, JobResult, check_same_baseline, examples_read
from shark_core.errors import DataError
from shark_core.evaluation.training_figures import training_figures
from shark_core.models.checkpoint import write_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.models.table_params_file import load_table_params, write_table_params
from shark_core.pruning.finetuning import finetune_on_day, pruned_baseline
from shark_core.quantization.rounding_choice import rounding_hooks
from shark_core.quantization.row_tiers import read_row_tiers
from shark_core.quantization.tiered_tables import TieredTables
from shark_core.schemas import CHECKPOINT, IMPORTANCE, PRUNING, ROW_TIERS
from shark_core.traffic.slices import training_slice


def finetune(context: DayContext) -> JobResult:
    """The day's training slice once more, at finetuning's rates, without the pruned fields."""
    check_same_baseline(context, PRUNING, IMPORTANCE, ROW_TIERS)
    _check_tiers_of_this_pruning(context)
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


def _check_tiers_of_this_pruning(context: DayContext) -> None:
    """Tiers solved for a byte budget without these fields are not those of it with them."""
    pruning = context.marker(PRUNING).fingerprint
    found = context.marker(ROW_TIERS).inputs.get("pruning")
    if found != pruning:
        raise DataError(
            "tiers were assigned to what another pruning left",
            expected=f"pruning {pruning}",
            found=f"pruning {found}",
            where=context.lake.location(context.partition(ROW_TIERS).path),
            remedy="run `python -m jobs assign-tiers` for this day again",
        )


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
    tables = TieredTables(codes, config.tiers.schemes, params)
    for name in model.kept:
        tables.check_params(name, model.embeddings.weight(name).shape[1])
    return tables


def _inputs(context: DayContext) -> dict[str, str]:
    return {
        **examples_read(context, training_slice(context.lake, context.config, context.day)),
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": context.marker(IMPORTANCE).fingerprint,
        "pruning": context.marker(PRUNING).fingerprint,
        "row_tiers": context.marker(ROW_TIERS).fingerprint,
    }
