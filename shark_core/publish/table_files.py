"""A mixed-precision table as Parquet: one file for each tier of a field.

    table=<field>/tier=<tier>/part-00000.parquet
        row_id  int32                        ascending, delta-encoded, zstd: under 2 bits a row
        row     fixed_len_byte_array         the packed row of `shark_core.quantization.schemes`

Rows in no file are pruned: they read the field's fallback row, which is among the table params.

Of a table that is stored as changes on that of an older snapshot, the files hold the rows that are
new in their tier or have other bytes, and `table=<field>/tombstones.parquet` (row_id alone) the
rows that are pruned now; their metadata names the `base` too.

Parquet has no 8-bit physical type: a list of int8 would take four times the bytes. Rows are stored
as they are (packed embeddings hardly compress, and uncompressed pages can be read in place). The
file's metadata names field, tier, scheme, table params, embedding_dim and num_embeddings, so that a
file explains itself; DuckDB, Polars and pandas read it as it is. Arrow's own schema is left out: it
would take as many bytes again, and says nothing that Parquet's does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from shark_core.publish.stored_table import StoredTable, StoredTier
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


TOMBSTONE_SCHEMA = pa.schema([pa.field("row_id", pa.int32(), nullable=False)])
TOMBSTONE_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": False,
    "column_encoding": {"row_id": "DELTA_BINARY_PACKED"},
    "store_schema": False,
}


def table_metadata(table: StoredTable) -> dict[str, str]:
    """What every file of a table says of itself."""
    base = {} if table.base is None else {"base": table.base}
    return {
        "field": table.field,
        "embedding_dim": str(table.embedding_dim),
        "num_embeddings": str(table.num_embeddings),
        **base,
    }


def tier_metadata(table: StoredTable, tier: StoredTier, params: Tensor) -> dict[str, str]:
    """And what a tier's file says; `params` as the hex digits of little-endian float32."""
    return {
        **table_metadata(table),
        "tier": tier.tier,
        "scheme": tier.scheme,
        "params": params.numpy().astype("<f4").tobytes().hex(),
    }


def tier_batch(block: TierBlock) -> pa.RecordBatch:
    """Some rows of a tier, as a row group of its file."""
    schema = tier_schema(block.packed.shape[1])
    packed = pa.py_buffer(block.packed.contiguous().numpy())
    rows = pa.FixedSizeBinaryArray.from_buffers(
        schema.field("row").type, len(block.packed), [None, packed]
    )
    row_ids = pa.array(block.row_ids.numpy().astype(np.int32))
    return pa.record_batch([row_ids, rows], schema=schema)


def tombstone_batch(row_ids: Tensor) -> pa.RecordBatch:
    """Ascending row ids (n,) int64, as the row group of a tombstone file."""
    return pa.record_batch([pa.array(row_ids.numpy().astype(np.int32))], schema=TOMBSTONE_SCHEMA)
