"""How often a field's rows are read by positive and by negative impressions.

    examples   label 1, rows [4, 4, 9]      →   row_id   positives   negatives
               label 0, rows [9]                     4           2           0
                                                     9           1           1

Every occurrence counts, before any de-duplication: this is what a lookup really reads. A key is
`2·row + label`, so that one counter, or one sort, serves both labels.

Measured on 10.5M accesses of a table of 2M rows, in seconds on one core: `np.add.at` 0.09,
`np.bincount` a file 0.19, a sort of the keys 0.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shark_core.access.row_ranges import RANGE_ROWS, RowRange
from shark_core.schemas import ACCESS_COUNTS_SCHEMA

SORTED_KEYS = 1 << 22  # keys that are sorted at a time, and kept: 32 MiB, and as much for counts

Accesses = tuple[np.ndarray, np.ndarray]  # row ids (N,) and the label 0 or 1 of each (N,)
Counted = tuple[np.ndarray, np.ndarray]  # keys (K,) int64, unique and ascending; counts (K,) int64


def accesses(column: pa.ChunkedArray, labels: np.ndarray) -> Accesses:
    """The accesses of B examples with `labels` (B,): each label once for every row id.

    A null list is an empty list. Row ids must not be null.
    """
    if not pa.types.is_list(column.type):
        return column.to_numpy(), labels
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    return pc.list_flatten(column).to_numpy(), np.repeat(labels, lengths)


def count_accesses(chunks: Iterable[Accesses], num_embeddings: int) -> Iterator[pa.Table]:
    """Counts of the rows that were accessed, ACCESS_COUNTS_SCHEMA, row ids ascending.

    A table of one range of rows has a counter for every key, and gives one table of counts. A
    larger one gives one after the other, to be added up, so that memory stays bounded.
    """
    keys = (_keys(rows, labels) for rows, labels in chunks)
    if num_embeddings <= RANGE_ROWS:
        yield _count_dense(keys, num_embeddings)
    else:
        yield from _count_sorted(keys)


def add_counts(tables: Iterable[pa.Table], rows: RowRange) -> pa.Table:
    """The sum of counts within a range of rows. ACCESS_COUNTS_SCHEMA, row ids ascending."""
    counters = np.zeros((rows.end - rows.start, 2), dtype=np.int64)  # negatives, positives
    for table in tables:
        places = table["row_id"].to_numpy() - rows.start  # unique within a table
        counters[places, 0] += table["negatives"].to_numpy()
        counters[places, 1] += table["positives"].to_numpy()
    return _accessed(counters, rows.start)


def _keys(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    keys = rows.astype(np.int64)
    keys <<= 1
    keys |= labels
    return keys


def _count_dense(chunks: Iterable[np.ndarray], num_embeddings: int) -> pa.Table:
    counters = np.zeros(2 * num_embeddings, dtype=np.int64)
    for keys in chunks:
        np.add.at(counters, keys, 1)
    return _accessed(counters.reshape(-1, 2))


def _accessed(counters: np.ndarray, first_row: int = 0) -> pa.Table:
    """The rows whose counters `(rows, 2)` are not both zero."""
    found = np.flatnonzero(counters[:, 0] | counters[:, 1])
    return _table(found + first_row, counters[found])


def _count_sorted(chunks: Iterable[np.ndarray]) -> Iterator[pa.Table]:
    """Sorted runs, merged while they have `SORTED_KEYS` keys at most."""
    merged: Counted = (np.empty(0, np.int64), np.empty(0, np.int64))
    for keys in _gathered(chunks):
        merged = _merge(merged, np.unique(keys, return_counts=True))
        if len(merged[0]) > SORTED_KEYS:
            yield _by_row(merged)
            merged = (merged[0][:0], merged[1][:0])
    yield _by_row(merged)


def _gathered(chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The keys, about `SORTED_KEYS` together."""
    waiting: list[np.ndarray] = []
    for keys in chunks:
        waiting.append(keys)
        if sum(map(len, waiting)) >= SORTED_KEYS:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _merge(first: Counted, second: Counted) -> Counted:
    keys = np.concatenate([first[0], second[0]])
    counts = np.concatenate([first[1], second[1]])
    order = np.argsort(keys, kind="stable")  # two sorted runs: one pass
    keys, counts = keys[order], counts[order]
    starts = np.flatnonzero(_is_first(keys))
    return keys[starts], np.add.reduceat(counts, starts) if len(starts) else counts


def _by_row(counted: Counted) -> pa.Table:
    keys, counts = counted
    rows, labels = keys >> 1, keys & 1
    first = _is_first(rows)
    counters = np.zeros((int(first.sum()), 2), dtype=np.int64)  # negatives, positives
    counters[np.cumsum(first) - 1, labels] = counts
    return _table(rows[first], counters)


def _is_first(ascending: np.ndarray) -> np.ndarray:
    """Which places of a sorted array hold a value that the place before does not."""
    return np.r_[np.ones(min(len(ascending), 1), bool), ascending[1:] != ascending[:-1]]


def _table(rows: np.ndarray, counters: np.ndarray) -> pa.Table:
    """`rows` (R,) with their `counters` (R, 2): negatives, positives."""
    negatives, positives = counters.T
    columns = (rows, positives, negatives)
    return pa.table(
        [pa.array(np.ascontiguousarray(column)) for column in columns],
        schema=ACCESS_COUNTS_SCHEMA,
    )
