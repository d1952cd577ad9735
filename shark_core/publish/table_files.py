"""A mixed-precision table as Parquet: one file for each tier of a field.

    table=<field>/tier=<tier>/part-00000.parquet
        row_id  int32                        ascending, delta-encoded, zstd: under 2 bits a row
        row     fixed_len_byte_array         the packed row of `shark_core.quantization.schemes`

Rows in no file are pruned: they read the field's fallback row, which is among the table params.

Parquet has no 8-bit physical type: a list of int8 would take four times the bytes. Rows are stored
as they are (packed embeddings hardly compress, and uncompressed pages can be read in place). The
file's metadata names field, tier, scheme, table params, embedding_dim and num_embeddings, so that a
file explains itself; DuckDB, Polars and pandas read it as it is. Arrow's own schema is left out: it
would take as many bytes again, and says nothing that Parquet's does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.publish.stored_table import StoredTable, StoredTier
from shark_core.quantization.mixed_precision_table import FALLBACK, MixedPrecisionTable
from shark_core.quantization.schemes import NO_PARAMS
from shark_core.quantization.tier_block import TierBlock

PARQUET_OPTIONS: dict[str, Any] = {
    "compression": {"row_id": "zstd", "row": "none"},
    "use_dictionary": False,
    "column_encoding": {"row_id": "DELTA_BINARY_PACKED", "row": "PLAIN"},
    "write_statistics": ["row_id"],
    "store_schema": False,
}


def tier_schema(row_bytes: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("row_id", pa.int32(), nullable=False),
            pa.field("row", pa.binary(row_bytes), nullable=False),
        ]
    )


def tier_metadata(table: StoredTable, tier: StoredTier, params: Tensor) -> dict[str, str]:
    """What a file says of itself; `params` as the hex digits of little-endian float32."""
    return {
        "field": table.field,
        "tier": tier.tier,
        "scheme": tier.scheme,
        "params": params.numpy().astype("<f4").tobytes().hex(),
        "embedding_dim": str(table.embedding_dim),
        "num_embeddings": str(table.num_embeddings),
    }


def tier_batch(block: TierBlock) -> pa.RecordBatch:
    """Some rows of a tier, as a row group of its file."""
    schema = tier_schema(block.packed.shape[1])
    packed = pa.py_buffer(block.packed.contiguous().numpy())
    rows = pa.FixedSizeBinaryArray.from_buffers(
        schema.field("row").type, len(block.packed), [None, packed]
    )
    row_ids = pa.array(block.row_ids.to(torch.int32).numpy())
    return pa.record_batch([row_ids, rows], schema=schema)


def read_table(
    table: StoredTable,
    params: Mapping[str, Tensor],
    read_file: Callable[[str], pa.Table],
    where: str,
) -> MixedPrecisionTable:
    """Put a table together from its description, its table params by tier, and its files.

    Raises `DataError` where they do not belong together.
    """
    _require_params(table, params, where)
    blocks = {
        tier.tier: read_tier(
            read_file(tier.file),
            table,
            tier,
            params.get(tier.tier, NO_PARAMS),
            f"{where}/{tier.file}",
        )
        for tier in table.tiers
        if tier.file is not None
    }
    return MixedPrecisionTable.from_blocks(
        table.embedding_dim,
        table.num_embeddings,
        blocks,
        params.get(FALLBACK),
        f"field {table.field!r} of {where}",
    )


def read_tier(
    content: pa.Table, table: StoredTable, tier: StoredTier, params: Tensor, where: str
) -> TierBlock:
    """The rows of a tier's file, checked. Raises `DataError` where it is another file."""
    schema = tier_schema(tier.row_bytes)
    if not content.schema.equals(schema):
        raise _damaged(where, f"row_id int32, row binary[{tier.row_bytes}]", content.schema)
    expected = tier_metadata(table, tier, params)
    metadata = content.schema.metadata or {}
    found = {key.decode(): value.decode() for key, value in metadata.items()}
    if found != expected:
        raise _damaged(where, f"a file of {expected}", f"one of {found}")
    row_ids = _row_ids(content["row_id"].to_numpy(), table, tier, where)
    return TierBlock(row_ids, _packed_rows(content["row"], tier.row_bytes), tier.scheme, params)


def _row_ids(found: np.ndarray, table: StoredTable, tier: StoredTier, where: str) -> Tensor:
    if len(found) != tier.rows:
        raise _damaged(where, f"{tier.rows} rows", f"{len(found)} rows")
    ascending = bool((np.diff(found) > 0).all())
    if not ascending or found[:1].min(initial=0) < 0 or found[-1] >= table.num_embeddings:
        raise _damaged(where, f"ascending row ids in [0, {table.num_embeddings})", "other row ids")
    return torch.from_numpy(found.astype(np.int64))


def _packed_rows(column: pa.ChunkedArray, row_bytes: int) -> Tensor:
    rows = column.combine_chunks()
    if isinstance(rows, pa.ChunkedArray):
        rows = pa.concat_arrays(rows.chunks)
    raw = np.frombuffer(rows.buffers()[1], dtype=np.uint8)
    start = rows.offset * row_bytes
    return torch.from_numpy(
        raw[start : start + len(rows) * row_bytes].reshape(-1, row_bytes).copy()
    )


def _require_params(table: StoredTable, params: Mapping[str, Tensor], where: str) -> None:
    expected = {tier.tier: (tier.param_count,) for tier in table.tiers if tier.param_count}
    found = {tier: tuple(numbers.shape) for tier, numbers in params.items()}
    if found != expected:
        raise _damaged(f"field {table.field!r} of {where}", f"table params of {expected}", found)


def _damaged(where: str, expected: object, found: object) -> DataError:
    return DataError(
        "a table file is damaged",
        expected=expected,
        found=found,
        where=where,
        remedy="run `python -m jobs quantize` for this day again",
    )
