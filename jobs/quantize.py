"""Store each row at its tier's precision: checkpoint stage=finetuned + priorities → compressed."""

from __future__ import annotations

import torch

from jobs.context import DayContext, JobResult
from shark_core.access.dense_priorities import load_priority
from shark_core.models.checkpoint import load_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.publish.compressed_model import write_dense, write_table
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.tiers import assign_tiers
from shark_core.schemas import CHECKPOINT, COMPRESSED, ROW_PRIORITY


def quantize(context: DayContext) -> JobResult:
    """One table after the other. Finetuning left rows on their grids, so that nothing is lost."""
    source = context.partition(CHECKPOINT, stage="finetuned")
    model = load_checkpoint(context.lake, source, context.config)
    moved = 0
    with context.writer(COMPRESSED) as writer:
        for name in model.kept:
            table = _table(context, model, name)
            moved += _moved_rows(model, name, table)
            write_table(writer, name, table)
        write_dense(writer, model)
        marker = writer.commit(_inputs(context, model), {"rows_moved": moved})
    sizes = compressed_sizes(context.config, marker)
    figures = {
        **sizes.figures,
        "rows_by_tier": {tier: rows for tier, (rows, _) in sizes.tier_mix().items()},
        "rows_moved_by_quantizing": moved,
    }
    headline = f"{len(model.kept)} tables of {context.day}: {sizes.ratio:.2f} × smaller"
    return JobResult(headline, figures)


def _table(context: DayContext, model: CtrModel, name: str) -> MixedPrecisionTable:
    priority = load_priority(context.lake, context.config, name, context.day)
    weight = model.embeddings.weight(name).detach()
    return MixedPrecisionTable.from_float(
        weight, assign_tiers(priority, context.config.tiers), name
    )


def _moved_rows(model: CtrModel, name: str, table: MixedPrecisionTable) -> int:
    """Rows that decode to something else than the finetuned model holds."""
    moved = (table.dequantize() != model.embeddings.weight(name)).any(dim=1)
    return int(torch.count_nonzero(moved))


def _inputs(context: DayContext, model: CtrModel) -> dict[str, str]:
    priorities = {
        f"row_priority/{name}": context.marker(ROW_PRIORITY, field=name).fingerprint
        for name in model.kept
    }
    return priorities | {"checkpoint": context.marker(CHECKPOINT, stage="finetuned").fingerprint}
