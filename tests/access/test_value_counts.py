from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.access.value_counts import ValueCounter, encoded
from shark_core.schemas import ACCESS_COUNTS_SCHEMA
from shark_core.traffic.columns import plain
from shark_core.traffic.encoding import FieldEncoder
from tests.traffic.day_lake import tiny_config

Labelled = Sequence[tuple[Any, int]]  # values with the label 0 or 1 of each

SIGNED = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
KINDS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): SIGNED,
    pa.int8(): st.integers(-3, 3),
    pa.uint64(): st.integers(0, 2**64 - 1) | st.integers(0, 3),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=2) | st.integers(-3, 3).map(str),
    pa.large_string(): st.text(max_size=2) | st.sampled_from(["true", "false"]),
    pa.null(): st.none(),
}


def counted(chunks: Iterable[tuple[pa.DataType, Labelled]], limit: int) -> list[list[pa.Table]]:
    """What the counter gives out, each time."""
    counter = ValueCounter(limit)
    given_out = [
        counter.add(
            plain(pa.array([value for value, _ in pairs], kind)),
            np.array([label for _, label in pairs], np.int8),
        )
        for kind, pairs in chunks
    ]
    return [tables for tables in [*given_out, counter.rest()] if tables]


def totals(tables: Iterable[pa.Table]) -> dict[object, tuple[int, int]]:
    found: dict[object, tuple[int, int]] = {}
    for table in tables:
        rows = table.to_pylist()
        assert len({row["value"] for row in rows}) == len(rows), "a value occurs once in a table"
        for row in rows:
            positives, negatives = found.get(row["value"], (0, 0))
            found[row["value"]] = (positives + row["positives"], negatives + row["negatives"])
    return found


def labelled(kind: pa.DataType) -> st.SearchStrategy[Labelled]:
    return st.lists(st.tuples(st.none() | KINDS[kind], st.integers(0, 1)), max_size=20)


LIMITS = st.sampled_from([1, 200, 1 << 20])


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.large_string()], ids=str)
@given(data=st.data())
def test_values_of_any_kind_are_counted_as_by_hand(kind: pa.DataType, data: st.DataObject) -> None:
    chunks = data.draw(st.lists(labelled(kind), max_size=5))
    found = counted([(kind, chunk) for chunk in chunks], data.draw(LIMITS))
    expected = Counter(pair for chunk in chunks for pair in chunk)
    assert totals(table for tables in found for table in tables) == {
        value: (expected[value, 1], expected[value, 0]) for value, _ in expected
    }


CHUNKS_OF_ANY_TYPE = st.lists(
    st.sampled_from(list(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), labelled(kind))),
    max_size=6,
)


def as_text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


@given(chunks=CHUNKS_OF_ANY_TYPE, limit=LIMITS)
def test_equal_values_of_other_types_are_counted_as_the_same_text(
    chunks: list[tuple[pa.DataType, Labelled]], limit: int
) -> None:
    encoder = FieldEncoder(tiny_config().field("ad"))
    expected: Counter[tuple[int, int]] = Counter()
    for value, label in (pair for _, pairs in chunks for pair in pairs):
        (row,) = encoder.encode_values(pa.array([as_text(value)], pa.string()))
        expected[int(row), label] += 1
    found: Counter[tuple[int, int]] = Counter()
    for tables in counted(chunks, limit):
        table = encoded(tables, encoder.encode_values)
        assert table.schema == ACCESS_COUNTS_SCHEMA
        rows = table["row_id"].to_pylist()
        assert rows == sorted(set(rows))
        for row in table.to_pylist():
            found[row["row_id"], 1] += row["positives"]
            found[row["row_id"], 0] += row["negatives"]
    assert found == expected


def test_distinct_values_beyond_the_limit_come_in_parts() -> None:
    chunks = [
        (pa.int64(), [(value, 0) for value in range(start, start + 1000)])
        for start in range(0, 50_000, 1000)
    ]
    limit = 10 * 24 * 1000
    tables = [table for tables in counted(chunks, limit) for table in tables]
    assert max(table.nbytes for table in tables) <= limit + 24 * 1000
    assert totals(tables) == dict.fromkeys(range(50000), (0, 1))


def test_one_value_in_every_record_takes_no_room() -> None:
    chunks = [(pa.string(), [("same", 1)] * 1000)] * 50
    ((table,),) = counted(chunks, limit=50_000)
    assert table.to_pylist() == [{"value": "same", "positives": 50_000, "negatives": 0}]


def test_values_that_share_a_row_are_added_up() -> None:
    counts = pa.table({"value": ["a", "b", "c"], "positives": [1, 2, 4], "negatives": [8, 0, 1]})
    found = encoded([counts], lambda values: np.array([7, 3, 7]))
    assert found.schema == ACCESS_COUNTS_SCHEMA
    assert [tuple(row.values()) for row in found.to_pylist()] == [(3, 2, 0), (7, 5, 9)]


def test_nothing_counted_is_no_row() -> None:
    found = encoded(
        ValueCounter(limit=1).rest(), FieldEncoder(tiny_config().field("ad")).encode_values
    )
    assert found.equals(ACCESS_COUNTS_SCHEMA.empty_table())
