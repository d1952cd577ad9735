from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.access.value_counts import by_row, count_values
from shark_core.schemas import ACCESS_COUNTS_SCHEMA

INTEGERS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)
TEXTS = st.none() | st.text(max_size=3)


def totals(tables: list[pa.Table]) -> dict[object, tuple[int, int]]:
    found: dict[object, tuple[int, int]] = {}
    for table in tables:
        rows = table.to_pylist()
        assert len({row["value"] for row in rows}) == len(rows), "a value occurs once in a table"
        for row in rows:
            positives, negatives = found.get(row["value"], (0, 0))
            found[row["value"]] = (positives + row["positives"], negatives + row["negatives"])
    return found


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.large_string()], ids=str)
@given(data=st.data())
def test_values_of_any_kind_are_counted_as_by_hand(kind: pa.DataType, data: st.DataObject) -> None:
    values = INTEGERS if kind == pa.int64() else TEXTS
    pair = st.tuples(values, st.integers(0, 1))
    chunks = data.draw(st.lists(st.lists(pair, max_size=20), max_size=5))
    limit = data.draw(st.sampled_from([1, 200, 1 << 20]))
    arrays = [
        (pa.array([value for value, _ in chunk], kind), np.array([y for _, y in chunk], np.int8))
        for chunk in chunks
    ]
    found = count_values(arrays, limit)
    expected = Counter(pair for chunk in chunks for pair in chunk)
    assert totals(list(found)) == {
        value: (expected[value, 1], expected[value, 0]) for value, _ in expected
    }


def test_distinct_values_beyond_the_limit_come_in_parts() -> None:
    chunks = [
        (pa.array(range(start, start + 1000)), np.zeros(1000, np.int8))
        for start in range(0, 50_000, 1000)
    ]
    limit = 10 * 24 * 1000
    tables = list(count_values(chunks, limit))
    assert max(table.nbytes for table in tables) <= limit + 24 * 1000
    assert totals(tables) == dict.fromkeys(range(50000), (0, 1))


def test_one_value_in_every_record_takes_no_room() -> None:
    chunks = [(pa.array(["same"] * 1000), np.ones(1000, np.int8))] * 50
    (table,) = count_values(chunks, limit=50_000)
    assert table.to_pylist() == [{"value": "same", "positives": 50_000, "negatives": 0}]


def test_values_that_share_a_row_are_added_up() -> None:
    counts = pa.table({"value": ["a", "b", "c"], "positives": [1, 2, 4], "negatives": [8, 0, 1]})
    found = by_row(np.array([7, 3, 7]), counts)
    assert found.schema == ACCESS_COUNTS_SCHEMA
    assert [tuple(row.values()) for row in found.to_pylist()] == [(3, 2, 0), (7, 5, 9)]
