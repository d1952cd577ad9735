"""The columns of a tier's file, put into memory of their own a batch at a time.

What Arrow decodes is read-only and in pieces, so it is copied once; in batches that stay in the
cache, and whose memory the next one takes, that costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_AT_ONCE = 1 << 16


@dataclass
class TableColumns:
    """row_ids  int64 (n,)
    packed   uint8 (n, row_bytes)

    n rows are expected, `found` were there; what is beyond n is counted, not held. `ascending`:
    whether each row id is above the one before.
    """

    row_ids: np.ndarray
    packed: np.ndarray
    found: int = 0
    ascending: bool = True

    @property
    def extent(self) -> tuple[int, int]:
        """Lowest and highest of ascending row ids; 0 and -1 of none."""
        return (int(self.row_ids[0]), int(self.row_ids[-1])) if len(self.row_ids) else (0, -1)

    def append(self, batch: pa.RecordBatch) -> None:
        start = self.found
        self.found += len(batch)
        row_ids = self.row_ids[start : self.found]
        row_ids[:] = batch["row_id"].to_numpy()[: len(row_ids)]
        with_last = self.row_ids[max(start - 1, 0) : self.found]
        self.ascending &= bool((with_last[1:] > with_last[:-1]).all())
        if self.packed.size:
            packed = self.packed[start : self.found]
            packed[:] = _bytes_of(batch["row"])[: len(packed)]


def parquet_batches(content: bytes) -> pa.RecordBatchReader:
    """The rows of a Parquet file in memory, decoded as they are taken.

    In this thread: tables are read side by side, and a batch is too small to be shared out.
    """
    file = pq.ParquetFile(pa.BufferReader(content))
    batches = file.iter_batches(ROWS_AT_ONCE, use_threads=False)
    return pa.RecordBatchReader.from_batches(file.schema_arrow, batches)


def read_columns(batches: Iterable[pa.RecordBatch], rows: int, row_bytes: int) -> TableColumns:
    """Batches with the column `row_id`, and `row` unless `row_bytes` is 0."""
    columns = TableColumns(
        np.empty(rows, dtype=np.int64), np.empty((rows, row_bytes), dtype=np.uint8)
    )
    for batch in batches:
        if len(batch):
            columns.append(batch)
    return columns


def _bytes_of(rows: pa.FixedSizeBinaryArray) -> np.ndarray:
    """As uint8 (n, row_bytes), not copied."""
    raw = np.frombuffer(rows.buffers()[1], dtype=np.uint8).reshape(-1, rows.type.byte_width)
    return raw[rows.offset : rows.offset + len(rows)]
