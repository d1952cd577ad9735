from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.access import counts as counts_module
from shark_core.access.counts import Accesses, accesses, count_accesses
from shark_core.schemas import ACCESS_COUNTS_SCHEMA


def single(rows: list[int], labels: list[int]) -> Accesses:
    column = pa.chunked_array([pa.array(rows, pa.int32())])
    return accesses(column, pa.chunked_array([pa.array(labels, pa.int8())]))


def multiple(rows: list[list[int]], labels: list[int]) -> Accesses:
    column = pa.chunked_array([pa.array(rows, pa.list_(pa.int32()))])
    return accesses(column, pa.chunked_array([pa.array(labels, pa.int8())]))


def literal(table: pa.Table) -> list[tuple[int, int, int]]:
    assert table.schema == ACCESS_COUNTS_SCHEMA
    return list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def test_accesses_are_counted_by_label() -> None:
    found = count_accesses([single([3, 3, 1, 3], [1, 0, 0, 1])], num_embeddings=5)
    assert literal(found) == [(1, 0, 1), (3, 2, 1)]


def test_every_occurrence_in_a_list_counts() -> None:
    found = count_accesses([multiple([[4, 4, 9], [9], []], [1, 0, 1])], num_embeddings=10)
    assert literal(found) == [(4, 2, 0), (9, 1, 1)]


def test_the_row_of_missing_values_counts_like_any_other() -> None:
    assert literal(count_accesses([single([0], [0])], num_embeddings=2)) == [(0, 0, 1)]


def test_a_day_of_empty_lists_has_no_counts() -> None:
    assert literal(count_accesses([multiple([[], []], [0, 1])], num_embeddings=2)) == []


@pytest.mark.parametrize("dense_limit", [0, 1000], ids=["sparse", "dense"])
@given(chunks=st.lists(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 1)), max_size=40)))
def test_large_and_small_tables_are_counted_alike(
    dense_limit: int, chunks: list[list[tuple[int, int]]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts_module, "DENSE_LIMIT", dense_limit)
        arrays = (np.array(chunk, dtype=np.int64).reshape(-1, 2) for chunk in chunks)
        found = count_accesses(((a[:, 0], a[:, 1]) for a in arrays), num_embeddings=100)
    expected = Counter(access for chunk in chunks for access in chunk)
    rows = sorted({row for row, _ in expected})
    assert literal(found) == [(row, expected[row, 1], expected[row, 0]) for row in rows]
