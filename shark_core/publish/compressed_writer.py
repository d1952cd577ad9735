"""Writing a compressed model, a run of rows at a time (`compressed_model` reads it).

rows of a table, in order        open files
───────────────────────────┐     table=user_id/tier=fp16/part-00000.parquet
 run of rows → TierBlocks ─┼──►  table=user_id/tier=int8/part-00000.parquet
───────────────────────────┘     (pruned rows are in no file)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from safetensors.torch import save
from torch import Tensor

from shark_core.lake_sink import OpenParquet
from shark_core.models.model_spec import ModelSpec
from shark_core.models.table_params_file import TableParams, write_table_params
from shark_core.partition_writer import PartitionWriter
from shark_core.publish.compressed_model import DENSE_FILE, MODEL_FILE, ModelDescription
from shark_core.publish.stored_table import StoredTable
from shark_core.publish.table_files import PARQUET_OPTIONS, tier_batch, tier_metadata, tier_schema
from shark_core.quantization.schemes import NO_PARAMS
from shark_core.quantization.tier_block import TierBlock


@dataclass(frozen=True)
class OpenTable:
    """The open files of a table, by tier."""

    files: Mapping[str, OpenParquet]

    def append(self, blocks: Mapping[str, TierBlock]) -> None:
        """Add rows that come after those that were added before; each block is a row group."""
        for tier, file in self.files.items():
            if tier in blocks:
                file.append(tier_batch(blocks[tier]))


@contextmanager
def open_table(
    writer: PartitionWriter, table: StoredTable, params: Mapping[str, Tensor]
) -> Iterator[OpenTable]:
    """One file for each tier that takes bytes: whole when the block ends, gone when it fails."""
    with ExitStack() as stack:
        files = {}
        for tier in table.tiers:
            if tier.file is not None:
                schema = tier_schema(tier.row_bytes)
                opened = writer.open_parquet(tier.file, schema, **PARQUET_OPTIONS)
                files[tier.tier] = stack.enter_context(opened)
                shared = params.get(tier.tier, NO_PARAMS)
                files[tier.tier].describe(tier_metadata(table, tier, shared))
        yield OpenTable(files)


def write_shared(
    writer: PartitionWriter,
    spec: ModelSpec,
    pruned: Sequence[str],
    dense: Mapping[str, Tensor],
    params: TableParams,
) -> None:
    """Write everything that is not rows of tables; the caller commits.

    `dense` holds `head.*`, and `constants.<field>` of the pruned fields.
    """
    description = ModelDescription(spec=spec, pruned=tuple(pruned))
    writer.write_bytes(DENSE_FILE, save(dict(dense)))
    write_table_params(writer, params)
    writer.write_bytes(MODEL_FILE, description.model_dump_json(indent=1).encode())
