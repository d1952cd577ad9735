"""How often raw values occur, whatever they are: 64-bit ids, strings; as many as there may be.

    values ["b", "a", "b"], labels [1, 0, 0]   →   value   positives   negatives
                                                     "b"           1           1
                                                     "a"           0           1

Only distinct values are encoded to row ids afterwards, which takes the time. Files may hold a
column as other types (12, "12", nulls only): each type is counted by itself, as it is, and the
encoder gives equal values the same row. Memory is bounded by bytes, not by values: what does not
fit is given out in parts, to be added up by row. A process that counts 1, 16 or 32 fields whose
values are all distinct takes 1.1 GiB at most, of which 0.2 are Python's and Arrow's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from shark_core.schemas import ACCESS_COUNTS_SCHEMA

MEMORY = 1 << 29
IN_WORK = 3  # what adding up and encoding take, as often as a counter's share; one at a time
ENCODED_AT_A_TIME = 1 << 18  # values: hashing takes about 200 bytes for each

Encode = Callable[[pa.Array], np.ndarray]  # values (N,) → row ids (N,)


def bytes_each(counters: int) -> int:
    """What each of several counters in a process may hold."""
    return MEMORY // (counters + IN_WORK)


class ValueCounter:
    """Counts the values of one field, batch by batch, holding up to `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._gathered: dict[pa.DataType, list[pa.Table]] = defaultdict(list)
        self._bytes = 0

    def add(self, values: pa.Array, labels: np.ndarray) -> list[pa.Table]:
        """`values` (N,), null is one of them, and the label 0 or 1 of each (N,).

        Returns what `rest` does where the distinct values take more than half of `limit`, and
        begins anew; else nothing.
        """
        table = _one_each(values, labels)
        self._gathered[values.type].append(table)
        self._bytes += table.nbytes
        if self._bytes < self._limit:
            return []
        self._add_up()
        return self._given_out() if self._bytes > self._limit // 2 else []

    def rest(self) -> list[pa.Table]:
        """Tables `value, positives, negatives` with unique values, one for each type of values."""
        self._add_up()
        return self._given_out()

    def _given_out(self) -> list[pa.Table]:
        tables = [table for (table,) in self._gathered.values()]
        self._gathered.clear()
        self._bytes = 0
        return tables

    def _add_up(self) -> None:
        for kind, tables in self._gathered.items():
            self._gathered[kind] = [_added_up(tables)]
        self._bytes = sum(table.nbytes for (table,) in self._gathered.values())


def encoded(tables: Sequence[pa.Table], encode: Encode) -> pa.Table:
    """Counts of values, of any types, by row. ACCESS_COUNTS_SCHEMA, row ids ascending."""
    return _sums_by_row(
        [
            _with_rows(encode(_array(part["value"])), part)
            for table in tables
            for part in _parts(table)
        ]
    )


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, ENCODED_AT_A_TIME):
        yield table.slice(start, ENCODED_AT_A_TIME)


def _with_rows(rows: np.ndarray, counts: pa.Table) -> pa.Table:
    columns = [pa.array(rows), counts["positives"], counts["negatives"]]
    return pa.table(columns, schema=ACCESS_COUNTS_SCHEMA)


def _sums_by_row(tables: Sequence[pa.Table]) -> pa.Table:
    together = pa.concat_tables([ACCESS_COUNTS_SCHEMA.empty_table(), *tables])
    ordered = _sums(together, "row_id").sort_by("row_id")
    return pa.table(ordered.columns, schema=ACCESS_COUNTS_SCHEMA)


def _one_each(values: pa.Array, labels: np.ndarray) -> pa.Table:
    positives = labels.astype(np.int64)
    return pa.table({"value": values, "positives": positives, "negatives": 1 - positives})


def _added_up(tables: Sequence[pa.Table]) -> pa.Table:
    return _sums(pa.concat_tables(tables), "value")


def _sums(table: pa.Table, key: str) -> pa.Table:
    """`key, positives, negatives`, each key once."""
    sums = table.group_by(key, use_threads=False).aggregate(
        [("positives", "sum"), ("negatives", "sum")]
    )
    columns = [sums[key], sums["positives_sum"], sums["negatives_sum"]]
    return pa.table(columns, names=[key, "positives", "negatives"])


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
