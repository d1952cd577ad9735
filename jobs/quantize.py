"""Store each row at its tier's precision: checkpoint stage=finetuned + row tiers → compressed.

    finetuned table ─► shard of rows ─► blocks by tier ─► one open Parquet file a tier

Tables of any size: a shard with its tiers and what becomes of it are in memory, no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from jobs.context import DayContext, JobResult
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.models.checkpoint_shards import CheckpointShards, Shard, open_checkpoint
from shark_core.models.table_params_file import TableParams, load_table_params
from shark_core.partition_writer import PartitionWriter
from shark_core.publish.compressed_writer import open_table, write_shared
from shark_core.publish.stored_table import FACT, StoredTable
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.quantization.row_tiers import row_tiers_in_runs
from shark_core.quantization.tier_block import RowStorage, TierBlock
from shark_core.quantization.tiers import TIERS, rows_by_tier
from shark_core.schemas import CHECKPOINT, COMPRESSED, ROW_TIERS


@dataclass(frozen=True)
class QuantizedTable:
    """What was written of a table, and how."""

    stored: StoredTable
    storage: RowStorage


def quantize(context: DayContext) -> JobResult:
    """One table after the other. Finetuning left rows on their grids: what is served is exactly
    what was trained. Raises `DataError` where a row would decode to something else.
    """
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
        stored = [table.stored.model_dump(mode="json") for table in tables]
        marker = writer.commit(_inputs(context), {FACT: stored})
    sizes = compressed_sizes(context.config, marker)
    figures = {
        **sizes.figures,
        "rows_by_tier": {tier: rows for tier, (rows, _) in sizes.tier_mix().items()},
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
    counts = _rows_by_tier(_tiers(context, checkpoint, field))
    stored = StoredTable.of(field, counts, storage.schemes)
    used = storage.of_tiers([tier.tier for tier in stored.tiers], field.embedding_dim)
    shards = zip(checkpoint.shards(field), _tiers(context, checkpoint, field), strict=True)
    with open_table(writer, stored, used.params) as files:
        for shard, tiers in shards:
            blocks = used.quantize(shard.rows, torch.from_numpy(tiers), shard.first_row)
            _refuse_moved(field, shard, blocks)
            files.append(blocks)
            progress.update(shard.rows.nbytes)
    return QuantizedTable(stored, used)


def _tiers(context: DayContext, checkpoint: CheckpointShards, field: Field) -> Iterator[np.ndarray]:
    """Of each shard's rows: uint8 (n,)."""
    rows = checkpoint.rows_of_a_shard(field)
    return row_tiers_in_runs(context.lake, context.config, field.name, context.day, rows)


def _rows_by_tier(runs: Iterable[np.ndarray]) -> dict[str, int]:
    counts = [rows_by_tier(codes) for codes in runs]
    return {tier: sum(rows[tier] for rows in counts) for tier in TIERS}


def _refuse_moved(field: Field, shard: Shard, blocks: Mapping[str, TierBlock]) -> None:
    for tier, block in blocks.items():
        if moved := block.moved_rows(shard.rows, shard.first_row):
            raise DataError(
                "rows of the finetuned model are not on the grid of their tier",
                expected="rows that are stored exactly",
                found=f"{moved:,} of {len(block.row_ids):,} that would change",
                where=f"field {field.name!r}, tier {tier}, "
                f"rows {shard.first_row} to {shard.end - 1}",
                remedy="run `python -m jobs finetune` for this day again",
            )


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
