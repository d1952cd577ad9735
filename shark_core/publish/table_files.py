"""A mixed-precision table as Parquet: one file for each tier of a field.

    table=<field>/tier=<tier>/part-00000.parquet
        row_id  int32                        ascending, delta-encoded: under one byte a row
        row     fixed_len_byte_array         the packed row of `shark_core.quantization.schemes`

Parquet has no 8-bit physical type: a list of int8 would take four times the bytes. Rows are stored
as they are (packed embeddings hardly compress, and uncompressed pages can be read in place). The
file's metadata names field, tier, scheme, embedding_dim and num_embeddings, so that a file explains
itself; DuckDB, Polars and pandas read it as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from shark_core.errors import DataError
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable, TierBlock
from shark_core.quantization.schemes import SCHEMES

ROWS_PER_GROUP = 1 << 18
PARQUET_OPTIONS: dict[str, Any] = {
    "compression": "none",
    "use_dictionary": False,
    "column_encoding": {"row_id": "DELTA_BINARY_PACKED", "row": "PLAIN"},
    "write_statistics": ["row_id"],
}


def tier_file_name(field: str, tier: str) -> str:
    return f"table={field}/tier={tier}/part-00000.parquet"


def tier_schema(field: str, tier: str, table: MixedPrecisionTable) -> pa.Schema:
    return pa.schema(
        [
            pa.field("row_id", pa.int32(), nullable=False),
            pa.field("row", pa.binary(table.blocks[tier].shape[1]), nullable=False),
        ],
        metadata={
            "field": field,
            "tier": tier,
            "embedding_dim": str(table.embedding_dim),
            "num_embeddings": str(table.num_embeddings),
        },
    )


def tier_batches(
    table: MixedPrecisionTable, tier: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The rows of one tier; each batch becomes a row group."""
    block = table.tier_block(tier)
    for start in range(0, len(block.row_ids), ROWS_PER_GROUP):
        row_ids = block.row_ids[start : start + ROWS_PER_GROUP].to(torch.int32).numpy()
        packed = block.packed[start : start + ROWS_PER_GROUP].contiguous().numpy()
        rows = pa.FixedSizeBinaryArray.from_buffers(
            schema.field("row").type, len(packed), [None, pa.py_buffer(packed)]
        )
        yield pa.record_batch([pa.array(row_ids), rows], schema=schema)


def read_tier(content: pa.Table, tier: str, num_embeddings: int, dim: int, where: str) -> TierBlock:
    """What `tier_batches` wrote, checked. Raises `DataError` where it is not such a file."""
    row_bytes = SCHEMES[tier].row_bytes(dim)
    expected = [pa.int32(), pa.binary(row_bytes)]
    if content.schema.names != ["row_id", "row"] or content.schema.types != expected:
        raise _damaged(where, f"row_id int32, row binary[{row_bytes}]", content.schema)
    row_ids = content["row_id"].to_numpy().astype(np.int64)
    ascending = bool((np.diff(row_ids) > 0).all())
    if (
        not ascending
        or row_ids[:1].min(initial=0) < 0
        or row_ids[-1:].max(initial=-1) >= num_embeddings
    ):
        raise _damaged(where, f"ascending row ids in [0, {num_embeddings})", "other row ids")
    return TierBlock(torch.from_numpy(row_ids), _packed_rows(content["row"], row_bytes))


def _packed_rows(column: pa.ChunkedArray, row_bytes: int) -> torch.Tensor:
    rows = column.combine_chunks()
    if isinstance(rows, pa.ChunkedArray):
        rows = pa.concat_arrays(rows.chunks)
    raw = np.frombuffer(rows.buffers()[1], dtype=np.uint8)
    start = rows.offset * row_bytes
    return torch.from_numpy(
        raw[start : start + len(rows) * row_bytes].reshape(-1, row_bytes).copy()
    )


def _damaged(where: str, expected: object, found: object) -> DataError:
    return DataError(
        "a table file is damaged",
        expected=expected,
        found=found,
        where=where,
        remedy="run `python -m jobs quantize` for this day again",
    )
