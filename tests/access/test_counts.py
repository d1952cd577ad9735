from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.access import counts as counts_module
from shark_core.access.counts import Accesses, accesses, add_counts, row_counter
from shark_core.access.row_ranges import RANGE_ROWS, RowRange
from shark_core.schemas import ACCESS_COUNTS_SCHEMA

SMALL, LARGE = 100, RANGE_ROWS + 100

Access = tuple[int, int]  # row id, label


def column(values: Sequence[object], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


def single(rows: list[int], labels: list[int]) -> Accesses:
    return accesses(column(rows, pa.int32()), np.array(labels, np.int8))


def multiple(rows: Sequence[list[int] | None], labels: list[int]) -> Accesses:
    return accesses(column(rows, pa.list_(pa.int32())), np.array(labels, np.int8))


def literal(table: pa.Table) -> list[tuple[int, int, int]]:
    assert table.schema == ACCESS_COUNTS_SCHEMA
    return list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def parts_of(chunks: Iterable[Accesses], num_embeddings: int) -> list[pa.Table]:
    """All that comes out of a counter, the rest last."""
    counter = row_counter(num_embeddings)
    parts = [part for chunk in chunks for part in counter.add(chunk)]
    return [*parts, counter.rest()]


def counted(chunks: list[Accesses], num_embeddings: int = SMALL) -> list[tuple[int, int, int]]:
    (table,) = parts_of(chunks, num_embeddings)
    return literal(table)


def by_hand(chunks: list[list[Access]]) -> list[tuple[int, int, int]]:
    found = Counter(access for chunk in chunks for access in chunk)
    return [(row, found[row, 1], found[row, 0]) for row in sorted({row for row, _ in found})]


def as_arrays(chunks: list[list[Access]]) -> list[Accesses]:
    arrays = (np.array(chunk, dtype=np.int64).reshape(-1, 2) for chunk in chunks)
    return [(array[:, 0], array[:, 1]) for array in arrays]


def chunks_of(rows: st.SearchStrategy[int]) -> st.SearchStrategy[list[list[Access]]]:
    return st.lists(st.lists(st.tuples(rows, st.integers(0, 1)), max_size=40), max_size=6)


def test_accesses_are_counted_by_label() -> None:
    assert counted([single([3, 3, 1, 3], [1, 0, 0, 1])]) == [(1, 0, 1), (3, 2, 1)]


def test_every_occurrence_in_a_list_counts() -> None:
    assert counted([multiple([[4, 4, 9], [9], []], [1, 0, 1])]) == [(4, 2, 0), (9, 1, 1)]


def test_a_null_list_is_an_empty_list() -> None:
    assert counted([multiple([None, [2], None, [3]], [1, 0, 1, 1])]) == [(2, 0, 1), (3, 1, 0)]


def test_the_row_of_missing_values_counts_like_any_other() -> None:
    assert counted([single([0], [0])], num_embeddings=2) == [(0, 0, 1)]


@pytest.mark.parametrize("num_embeddings", [SMALL, LARGE])
def test_a_field_without_accesses_has_a_table_without_rows(num_embeddings: int) -> None:
    assert counted([multiple([[], []], [0, 1])], num_embeddings) == []
    assert counted([], num_embeddings) == []


@given(chunks_of(st.integers(0, SMALL - 1)))
def test_small_tables_are_counted_as_by_hand(chunks: list[list[Access]]) -> None:
    assert counted(as_arrays(chunks)) == by_hand(chunks)


def test_long_lists_are_counted_a_part_at_a_time() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts_module, "KEYS_AT_A_TIME", 3)
        found = counted([multiple([[1] * 7, [2, 1]], [1, 0])])
    assert found == [(1, 7, 1), (2, 0, 1)]


@given(chunks_of(st.integers(0, LARGE - 1) | st.integers(0, 5)), st.integers(1, 20))
def test_large_tables_are_counted_in_parts_that_add_up(
    chunks: list[list[Access]], sorted_keys: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts_module, "SORTED_KEYS", sorted_keys)
        parts = parts_of(as_arrays(chunks), LARGE)
    for part in parts:
        assert part["row_id"].to_pylist() == sorted(set(part["row_id"].to_pylist()))
    total: Counter[Access] = Counter()
    for row, positives, negatives in (row for part in parts for row in literal(part)):
        total.update({(row, 1): positives, (row, 0): negatives})
    rows = sorted({row for row, _ in total})
    assert [(row, total[row, 1], total[row, 0]) for row in rows] == by_hand(chunks)


def test_what_a_large_table_keeps_in_memory_is_bounded() -> None:
    chunks = [(np.arange(start, start + 10), np.zeros(10, np.int8)) for start in range(0, 200, 10)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts_module, "SORTED_KEYS", 20)
        parts = parts_of(chunks, LARGE)
    assert max(part.num_rows for part in parts) <= 2 * 20
    assert sum(part.num_rows for part in parts) == 200


def counts_table(rows: dict[int, tuple[int, int]]) -> pa.Table:
    ordered = sorted(rows)
    columns = [ordered, [rows[row][0] for row in ordered], [rows[row][1] for row in ordered]]
    return pa.table(columns, schema=ACCESS_COUNTS_SCHEMA)


@given(
    st.lists(
        st.dictionaries(
            st.integers(1000, 1019), st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=9
        ),
        max_size=5,
    )
)
def test_counts_of_a_range_add_up(tables: list[dict[int, tuple[int, int]]]) -> None:
    total: dict[int, tuple[int, int]] = {}
    for table in tables:
        for row, (positives, negatives) in table.items():
            before = total.get(row, (0, 0))
            total[row] = (before[0] + positives, before[1] + negatives)
    found = add_counts(map(counts_table, tables), RowRange(1000, 1020))
    assert literal(found) == [(row, *total[row]) for row in sorted(total) if any(total[row])]
