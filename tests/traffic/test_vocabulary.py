from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.schemas import PENDING_VALUES_SCHEMA, VOCABULARY_SCHEMA
from shark_core.traffic import vocabulary as vocabulary_module
from shark_core.traffic.vocabulary import Vocabulary, admit, count_values, merge_counts

NONE = PENDING_VALUES_SCHEMA.empty_table()

day_values = st.lists(st.sampled_from([*"abcdefgh", "", "é", "z" * 30]), max_size=30)


def counts(**values: int) -> pa.Table:
    columns = {"value": list(values), "count": list(values.values())}
    return pa.table(columns, schema=PENDING_VALUES_SCHEMA)


def entries(table: pa.Table) -> dict[str, int]:
    return dict(zip(table["value"].to_pylist(), table["row_id"].to_pylist(), strict=True))


def pending(table: pa.Table) -> dict[str, int]:
    return dict(zip(table["value"].to_pylist(), table["count"].to_pylist(), strict=True))


def replay(days: list[list[str]], limit: int, min_count: int) -> list[dict[str, int]]:
    """The vocabulary after each day, by the functions that ingest uses."""
    tables: list[pa.Table] = []
    waiting, after = NONE, []
    for values in days:
        known = Vocabulary.of(tables)
        counted = count_values(pa.array(values, pa.string()))
        texts = pa.array(counted["value"].to_pylist(), pa.string())
        new = counted.filter(pa.array(known.rows_of(texts) == 0))
        admission = admit(waiting, new, len(known) + 1, limit, min_count)
        tables.append(admission.admitted)
        waiting = admission.pending
        after.append({value: row for table in tables for value, row in entries(table).items()})
    return after


def test_the_values_counted_most_come_first_then_the_order_of_bytes() -> None:
    admission = admit(NONE, counts(b=1, é=2, a=1, z=2), next_row=1, limit=100, min_count=1)
    assert entries(admission.admitted) == {"z": 1, "é": 2, "a": 3, "b": 4}


def test_a_value_is_admitted_on_the_day_its_count_is_reached() -> None:
    first = admit(NONE, counts(a=2, b=1), next_row=1, limit=100, min_count=3)
    assert first.admitted.num_rows == 0
    second = admit(first.pending, counts(a=1, c=1), next_row=1, limit=100, min_count=3)
    assert entries(second.admitted) == {"a": 1}
    assert pending(second.pending) == {"b": 1, "c": 1}


def test_a_full_table_refuses_the_rest_and_keeps_their_counts() -> None:
    admission = admit(NONE, counts(a=3, b=2, c=1), next_row=2, limit=3, min_count=1)
    assert entries(admission.admitted) == {"a": 2}
    assert admission.refused == 2
    assert pending(admission.pending) == {"b": 2, "c": 1}


@given(st.lists(day_values, max_size=5), st.integers(2, 12), st.integers(1, 4))
def test_a_row_never_changes_its_meaning(days: list, limit: int, min_count: int) -> None:
    after = replay(days, limit, min_count)
    for before, later in pairwise(after):
        assert before.items() <= later.items()
    for vocabulary in after:
        assert sorted(vocabulary.values()) == list(range(1, len(vocabulary) + 1))
        assert len(vocabulary) < limit


@given(st.lists(day_values, max_size=4), st.integers(1, 3))
def test_with_room_every_value_seen_often_enough_is_admitted(days: list, min_count: int) -> None:
    everything = [value for values in days for value in values]
    often = {value for value in everything if everything.count(value) >= min_count}
    assert set((replay(days, 1000, min_count) or [{}])[-1]) == often


@given(day_values, st.integers(1, 4))
def test_counts_do_not_depend_on_how_the_day_is_split(values: list, pieces: int) -> None:
    whole = count_values(pa.array(values, pa.string()))
    parts = [count_values(pa.array(values[i::pieces], pa.string())) for i in range(pieces)]
    assert merge_counts(parts).equals(merge_counts([whole]))


def test_nulls_are_not_values() -> None:
    assert pending(count_values(pa.array(["a", None, "a"]))) == {"a": 2}


@given(st.sets(st.text(max_size=4), max_size=40), st.lists(st.text(max_size=4), max_size=40))
def test_looking_up_gives_the_row_or_0(known: set[str], wanted: list[str]) -> None:
    columns = {"value": sorted(known), "row_id": range(1, len(known) + 1)}
    table = pa.table(columns, schema=VOCABULARY_SCHEMA)
    found = Vocabulary.of([table]).rows_of(pa.array(wanted, pa.string()))
    assert found.tolist() == [entries(table).get(text, 0) for text in wanted]


def test_values_that_share_a_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def colliding(texts: pa.Array) -> np.ndarray:
        return np.array([len(text.as_py()) % 2 for text in texts], dtype=np.uint64)

    monkeypatch.setattr(vocabulary_module, "xxhash64", colliding)
    values = ["a", "bb", "c", "dd", "eee"]
    table = pa.table({"value": values, "row_id": [1, 2, 3, 4, 5]}, schema=VOCABULARY_SCHEMA)
    found = Vocabulary.of([table]).rows_of(pa.array(["eee", "dd", "c", "bb", "a", "x", "yy"]))
    assert found.tolist() == [5, 4, 3, 2, 1, 0, 0]
