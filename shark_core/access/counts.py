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
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shark_core.access.row_ranges import RANGE_ROWS, RowRange
from shark_core.schemas import ACCESS_COUNTS_SCHEMA

SORTED_KEYS = 1 << 22  # keys that are sorted at a time, and kept: 32 MiB, and as much for counts
KEYS_AT_A_TIME = 1 << 20

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


class RowCounter(Protocol):
    """Counts a field's accesses in bounded memory. Tables are ACCESS_COUNTS_SCHEMA, ascending."""

    def add(self, accesses: Accesses) -> Iterator[pa.Table]:
        """Count; what does not fit in memory any more comes out, to be added up later.

        An iterator that must be used up.
        """

    def rest(self) -> pa.Table:
        """What has not come out yet, maybe nothing. The counter is done then."""


def row_counter(num_embeddings: int) -> RowCounter:
    """A table of one range of rows has a counter for every key; a larger one is sorted."""
    return DenseCounter(num_embeddings) if num_embeddings <= RANGE_ROWS else SortedCounter()


class DenseCounter:
    """16 bytes a row of the table; nothing comes out before the end."""

    def __init__(self, num_embeddings: int) -> None:
        self._counters = np.zeros(2 * num_embeddings, dtype=np.int64)

    def add(self, accesses: Accesses) -> Iterator[pa.Table]:
        for keys in _keys(accesses):
            np.add.at(self._counters, keys, 1)
        yield from ()

    def rest(self) -> pa.Table:
        return _accessed(self._counters.reshape(-1, 2))


class SortedCounter:
    """Sorted runs of `SORTED_KEYS` keys, merged while they have no more than that together."""

    def __init__(self) -> None:
        self._waiting: list[np.ndarray] = []
        self._waiting_keys = 0
        self._merged: Counted = (np.empty(0, np.int64), np.empty(0, np.int64))

    def add(self, accesses: Accesses) -> Iterator[pa.Table]:
        for keys in _keys(accesses):
            self._waiting.append(keys)
            self._waiting_keys += len(keys)
            if self._waiting_keys < SORTED_KEYS:
                continue
            self._merge_waiting()
            if len(self._merged[0]) > SORTED_KEYS:
                yield self._taken()

    def rest(self) -> pa.Table:
        self._merge_waiting()
        return self._taken()

    def _merge_waiting(self) -> None:
        if self._waiting:
            new = np.unique(np.concatenate(self._waiting), return_counts=True)
            self._merged = _merge(self._merged, new)
            self._waiting, self._waiting_keys = [], 0

    def _taken(self) -> pa.Table:
        table = _by_row(self._merged)
        self._merged = (np.empty(0, np.int64), np.empty(0, np.int64))
        return table


def add_counts(tables: Iterable[pa.Table], rows: RowRange) -> pa.Table:
    """The sum of counts within a range of rows. ACCESS_COUNTS_SCHEMA, row ids ascending."""
    counters = np.zeros((rows.end - rows.start, 2), dtype=np.int64)  # negatives, positives
    for table in tables:
        places = table["row_id"].to_numpy() - rows.start  # unique within a table
        counters[places, 0] += table["negatives"].to_numpy()
        counters[places, 1] += table["positives"].to_numpy()
    return _accessed(counters, rows.start)


def _keys(accesses: Accesses) -> Iterator[np.ndarray]:
    """Long lists make many accesses of few examples: their keys come in parts."""
    rows, labels = accesses
    for start in range(0, len(rows), KEYS_AT_A_TIME):
        keys = rows[start : start + KEYS_AT_A_TIME].astype(np.int64)
        keys <<= 1
        keys |= labels[start : start + KEYS_AT_A_TIME]
        yield keys


def _accessed(counters: np.ndarray, first_row: int = 0) -> pa.Table:
    """The rows whose counters `(rows, 2)` are not both zero."""
    found = np.flatnonzero(counters[:, 0] | counters[:, 1])
    return _table(found + first_row, counters[found])


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
