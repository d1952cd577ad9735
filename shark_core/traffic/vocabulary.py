"""Vocabularies: which value has which row. Append-only, so that a row never changes its meaning.

    min_count 2   counted               admitted             pending
    day 1         cat 3, dog 1, emu 2   cat → 1, emu → 2     dog 1
    day 2         cat 5, dog 1, fox 1   dog → 3              fox 1

A value is admitted on the day on which it has been counted `min_count` times since it was first
seen. Row 0 is the row of everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shark_core.schemas import PENDING_VALUES_SCHEMA, VOCABULARY_SCHEMA
from shark_core.traffic.hashing import xxhash64

OUT_OF_VOCABULARY = 0


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """V values in the order of their hashes: a look-up is a binary search and a comparison."""

    hashes: np.ndarray  # (V,) uint64, ascending
    values: pa.Array  # (V,) large_binary
    row_ids: np.ndarray  # (V,) int64

    @classmethod
    def of(cls, tables: Sequence[pa.Table]) -> Self:
        """From the entries of any number of days."""
        entries = pa.concat_tables([VOCABULARY_SCHEMA.empty_table(), *tables])
        values = _array(entries["value"].cast(pa.large_binary()))
        hashes = xxhash64(values)
        order = np.argsort(hashes, kind="stable")
        row_ids = entries["row_id"].to_numpy()[order]
        return cls(hashes[order], values.take(pa.array(order)), row_ids)

    def __len__(self) -> int:
        return len(self.row_ids)

    def rows_of(self, texts: pa.Array) -> np.ndarray:
        """Row ids `(N,)` int64 of texts without null; `OUT_OF_VOCABULARY` where not known."""
        rows = np.full(len(texts), OUT_OF_VOCABULARY, dtype=np.int64)
        if not len(self):
            return rows
        wanted = texts.cast(pa.large_binary())
        hashes = xxhash64(texts)
        for step in range(self._longest_run()):  # more than 1 only where two values share a hash
            places = np.searchsorted(self.hashes, hashes) + step
            places = np.minimum(places, len(self) - 1)
            same = pc.equal(self.values.take(pa.array(places)), wanted)
            rows = np.where(same.to_numpy(zero_copy_only=False), self.row_ids[places], rows)
        return rows

    def _longest_run(self) -> int:
        starts = np.flatnonzero(np.r_[True, self.hashes[1:] != self.hashes[:-1]])
        return int(np.diff(np.r_[starts, len(self)]).max())


@dataclass(frozen=True, eq=False)
class Admission:
    """What a day adds. `refused`: values with `min_count` for which the table has no row left."""

    admitted: pa.Table  # VOCABULARY_SCHEMA, row ids ascending
    pending: pa.Table  # PENDING_VALUES_SCHEMA, values ascending
    refused: int


def admit(
    pending: pa.Table, counts: pa.Table, next_row: int, limit: int, min_count: int
) -> Admission:
    """Give rows `next_row`, `next_row + 1`, … below `limit` to the values counted most.

    `counts` holds the day's values that are not known yet, `pending` what earlier days left. Values
    counted `min_count` times in both together are admitted by count, then in the order of their
    UTF-8 bytes; the others are pending from now on.
    """
    total = merge_counts([pending, counts])
    enough = pc.greater_equal(total["count"], min_count)
    ranked = total.filter(enough).sort_by([("count", "descending"), ("value", "ascending")])
    room = max(limit - next_row, 0)
    chosen, refused = ranked.slice(0, room), ranked.slice(room)
    row_ids = pa.array(np.arange(next_row, next_row + chosen.num_rows), pa.int64())
    admitted = pa.table([chosen["value"], row_ids], schema=VOCABULARY_SCHEMA)
    rest = pa.concat_tables([total.filter(pc.invert(enough)), refused]).sort_by("value")
    return Admission(admitted, rest.combine_chunks(), refused.num_rows)


def count_values(texts: pa.Array) -> pa.Table:
    """How often each text occurs; nulls are not values. PENDING_VALUES_SCHEMA."""
    counted = pc.value_counts(texts.drop_null())
    return pa.table(
        [counted.field("values").cast(pa.string()), counted.field("counts")],
        schema=PENDING_VALUES_SCHEMA,
    )


def merge_counts(tables: Sequence[pa.Table]) -> pa.Table:
    """Counts added up, values ascending. PENDING_VALUES_SCHEMA."""
    together = pa.concat_tables([PENDING_VALUES_SCHEMA.empty_table(), *tables])
    summed = together.group_by("value").aggregate([("count", "sum")])
    ordered = summed.select(["value", "count_sum"]).sort_by("value")
    return pa.table([ordered["value"], ordered["count_sum"]], schema=PENDING_VALUES_SCHEMA)


def _array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])
