"""The columns of a tier's file, put into memory of their own a batch at a time.

    content   part 0: batch │ batch │ batch      part 1: batch │ batch │ batch
                 └ a thread ┐                       └ another ┐
    columns   row_ids, packed ───────────────────────────────────────────────

What Arrow decodes is read-only and in pieces, so it is copied once; in batches that stay in the
cache, and whose memory the next one takes, that costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_AT_ONCE = 1 << 17
MOST_THREADS = 4


class Part(NamedTuple):
    """So many rows, decoded as they are taken; in any thread, beside other parts."""

    rows: int
    batches: Callable[[], Iterable[pa.RecordBatch]]


@dataclass(frozen=True)
class TableContent:
    """A Parquet file that is read: what it says of itself, and its rows in their order."""

    schema: pa.Schema
    parts: Sequence[Part]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True)
class TableColumns:
    """row_ids  int64 (n,)
    packed   uint8 (n, row_bytes)

    `complete`: whether all parts had as many rows as they were said to. `ascending`: whether each
    row id is above the one before.
    """

    row_ids: np.ndarray
    packed: np.ndarray
    complete: bool
    ascending: bool

    @property
    def extent(self) -> tuple[int, int]:
        """Lowest and highest of ascending row ids; 0 and -1 of none."""
        return (int(self.row_ids[0]), int(self.row_ids[-1])) if len(self.row_ids) else (0, -1)


class _Filled(NamedTuple):
    rows: int
    ascending: bool


def table_content(table: pa.Table) -> TableContent:
    return TableContent(table.schema, [Part(table.num_rows, table.to_batches)])


def parquet_content(content: bytes | memoryview) -> TableContent:
    """A Parquet file in memory; a part is a run of row groups."""
    metadata = pq.read_metadata(pa.BufferReader(content))
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    threads = min(MOST_THREADS, pa.cpu_count(), sum(sizes) // ROWS_AT_ONCE + 1)
    runs = (run.tolist() for run in np.array_split(np.arange(len(sizes)), threads) if len(run))
    parts = [
        Part(sum(sizes[group] for group in run), partial(_batches, content, metadata, run))
        for run in runs
    ]
    return TableContent(metadata.schema.to_arrow_schema(), parts)


def _batches(
    content: bytes | memoryview, metadata: pq.FileMetaData, groups: Sequence[int]
) -> Iterable[pa.RecordBatch]:
    """In the thread that takes them; a reader of one's own, as Arrow's are for one thread each."""
    file = pq.ParquetFile(pa.BufferReader(content), metadata=metadata)
    return file.iter_batches(ROWS_AT_ONCE, row_groups=groups, use_threads=False)


def read_columns(content: TableContent, row_bytes: int) -> TableColumns:
    """The column `row_id`, and `row` unless `row_bytes` is 0."""
    ends = [*accumulate((part.rows for part in content.parts), initial=0)]
    row_ids = np.empty(ends[-1], dtype=np.int64)
    packed = np.empty((ends[-1], row_bytes), dtype=np.uint8)

    def fill(part: Part, start: int, end: int) -> _Filled:
        return _fill(part.batches(), row_ids[start:end], packed[start:end])

    filled = _side_by_side(fill, content.parts, ends, ends[1:])
    borders = [at for at in ends[1:-1] if 0 < at < len(row_ids)]
    return TableColumns(
        row_ids,
        packed,
        complete=[each.rows for each in filled] == [part.rows for part in content.parts],
        ascending=all(each.ascending for each in filled) and _ascending_at(row_ids, borders),
    )


def _side_by_side(work: Callable[..., _Filled], *arguments: Sequence[Any]) -> list[_Filled]:
    if len(arguments[0]) < 2:
        return list(map(work, *arguments))
    with ThreadPoolExecutor(MOST_THREADS) as pool:
        return list(pool.map(work, *arguments))


def _fill(batches: Iterable[pa.RecordBatch], row_ids: np.ndarray, packed: np.ndarray) -> _Filled:
    """Put batches one after the other; rows that there is no room for are counted, not held."""
    start, ascending = 0, True
    for batch in filter(len, batches):
        found, end = batch["row_id"].to_numpy(), start + len(batch)
        held = row_ids[start:end]
        held[:] = found[: len(held)]
        ascending &= bool((found[1:] > found[:-1]).all())
        ascending &= _ascending_at(row_ids, [start] if 0 < start < len(row_ids) else [])
        if packed.size:
            room = packed[start:end]
            room[:] = _bytes_of(batch["row"])[: len(room)]
        start = end
    return _Filled(start, ascending)


def _ascending_at(row_ids: np.ndarray, places: Iterable[int]) -> bool:
    return all(row_ids[at] > row_ids[at - 1] for at in places)


def _bytes_of(rows: pa.FixedSizeBinaryArray) -> np.ndarray:
    """As uint8 (n, row_bytes), not copied."""
    raw = np.frombuffer(rows.buffers()[1], dtype=np.uint8).reshape(-1, rows.type.byte_width)
    return raw[rows.offset : rows.offset + len(rows)]
