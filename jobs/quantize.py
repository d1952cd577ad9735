"""Store each row at its tier's precision: checkpoint stage=finetuned + row tiers → compressed.

    finetuned table ─► shard of rows ─► blocks by tier ─► one open Parquet file a tier

Tables of any size: a shard and what becomes of it are in memory, and the tiers (a byte a row).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tqdm import tqdm

from jobs.context import DayContext, JobResult
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.models.checkpoint_shards import CheckpointShards, open_checkpoint
from shark_core.models.table_params_file import TableParams, load_table_params
from shark_core.partition_writer import PartitionWriter
from shark_core.publish.compressed_writer import open_table, write_shared
from shark_core.publish.stored_table import FACT, StoredTable
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.quantization.row_tiers import read_row_tiers
from shark_core.quantization.tier_block import RowStorage
from shark_core.schemas import CHECKPOINT, COMPRESSED, ROW_TIERS


@dataclass(frozen=True)
class QuantizedTable:
    """What was written of a table; `rows_moved` decode to something else than was finetuned."""

    stored: StoredTable
    storage: RowStorage
    rows_moved: int


def quantize(context: DayContext) -> JobResult:
    """One table after the other. Finetuning left rows on their grids, so that nothing is lost."""
    source = context.partition(CHECKPOINT, stage="finetuned")
    _require_tiers_of_finetuning(context)
    params = load_table_params(context.lake, source)
    with (
        open_checkpoint(context.lake, source, context.config) as checkpoint,
        context.writer(COMPRESSED) as writer,
    ):
        tables = _write_tables(context, writer, checkpoint, params)
        shared = {table.stored.field: table.storage.params for table in tables}
        write_shared(writer, checkpoint.spec, checkpoint.pruned, checkpoint.dense(), shared)
        moved = sum(table.rows_moved for table in tables)
        stored = [table.stored.model_dump(mode="json") for table in tables]
        marker = writer.commit(_inputs(context), {"rows_moved": moved, FACT: stored})
    sizes = compressed_sizes(context.config, marker)
    figures = {
        **sizes.figures,
        "rows_by_tier": {tier: rows for tier, (rows, _) in sizes.tier_mix().items()},
        "rows_moved_by_quantizing": moved,
    }
    return JobResult(f"{len(tables)} tables of {context.day}: {sizes.ratio:.2f} × smaller", figures)


def _write_tables(
    context: DayContext,
    writer: PartitionWriter,
    checkpoint: CheckpointShards,
    params: TableParams,
) -> list[QuantizedTable]:
    tables: list[QuantizedTable] = []
    total = sum(field.float_bytes for field in checkpoint.kept)
    with tqdm(total=total, unit="B", unit_scale=True, disable=None) as progress:
        for number, field in enumerate(checkpoint.kept, start=1):
            progress.set_description(f"table {number} of {len(checkpoint.kept)}")
            storage = RowStorage(
                field.name, context.config.tiers.schemes, params.get(field.name, {})
            )
            tables.append(_write_table(context, writer, checkpoint, field, storage, progress))
    return tables


def _write_table(
    context: DayContext,
    writer: PartitionWriter,
    checkpoint: CheckpointShards,
    field: Field,
    storage: RowStorage,
    progress: tqdm,
) -> QuantizedTable:
    codes = read_row_tiers(context.lake, context.config, field.name, context.day)  # (N,)
    stored = StoredTable.of(field, codes, storage.schemes)
    used = storage.of_tiers([tier.tier for tier in stored.tiers], field.embedding_dim)
    tier_codes, moved = torch.from_numpy(codes), 0
    with open_table(writer, stored, used.params) as files:
        for shard in checkpoint.shards(field):
            tiers = tier_codes[shard.first_row : shard.end]
            blocks = used.quantize(shard.rows, tiers, shard.first_row)
            moved += sum(block.moved_rows(shard.rows, shard.first_row) for block in blocks.values())
            files.append(blocks)
            progress.update(shard.rows.nbytes)
    return QuantizedTable(stored, used, moved)


def _require_tiers_of_finetuning(context: DayContext) -> None:
    """Rows that finetuning put on the grid of another tier would lose what it learned."""
    tiers = context.marker(ROW_TIERS).fingerprint
    found = context.marker(CHECKPOINT, stage="finetuned").inputs.get("row_tiers")
    if found != tiers:
        raise DataError(
            "the model was finetuned for other tiers than the day's",
            expected=f"row_tiers {tiers}",
            found=f"row_tiers {found}",
            where=context.lake.location(context.partition(CHECKPOINT, stage="finetuned").path),
            remedy="run `python -m jobs finetune` for this day again",
        )


def _inputs(context: DayContext) -> dict[str, str]:
    return {
        "checkpoint": context.marker(CHECKPOINT, stage="finetuned").fingerprint,
        "row_tiers": context.marker(ROW_TIERS).fingerprint,
    }
