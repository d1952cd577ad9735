from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.access.priorities import NO_PRIORITIES, add_late_day, update_priorities
from shark_core.config_sections import Priority
from shark_core.schemas import ACCESS_COUNTS_SCHEMA, ROW_PRIORITY_SCHEMA

DayCounts = dict[int, tuple[int, int]]  # row id → positives, negatives

day_counts = st.dictionaries(
    st.integers(0, 30), st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=15
)
priority_settings = st.builds(
    Priority, positive_weight=st.floats(0.1, 50), decay=st.floats(0.001, 1.0)
)


def counts(day: DayCounts) -> pa.Table:
    rows = [(row, *day[row]) for row in sorted(day)]
    return pa.table(
        [list(column) for column in zip(*rows, strict=True)] or [[], [], []],
        schema=ACCESS_COUNTS_SCHEMA,
    )


def literal(table: pa.Table) -> dict[int, float]:
    assert table.schema == ROW_PRIORITY_SCHEMA
    rows = table["row_id"].to_pylist()
    assert rows == sorted(set(rows))
    return dict(zip(rows, table["priority"].to_pylist(), strict=True))


def replay(days: list[DayCounts], settings: Priority) -> pa.Table:
    priorities = NO_PRIORITIES
    for day in days:
        priorities = update_priorities(priorities, counts(day), settings)
    return priorities


def test_the_first_day_starts_from_zero() -> None:
    settings = Priority(positive_weight=2.0, decay=0.25)
    assert literal(replay([{3: (1, 2), 7: (0, 4)}], settings)) == {3: 1.0, 7: 1.0}


def test_rows_decay_are_added_to_and_appear() -> None:
    settings = Priority(positive_weight=3.0, decay=0.5)
    found = literal(replay([{1: (2, 0), 2: (0, 8)}, {2: (1, 1), 5: (0, 2)}], settings))
    assert found == {1: 1.5, 2: 2.0 + 2.0, 5: 1.0}


def test_a_decay_of_one_forgets_yesterday() -> None:
    found = literal(replay([{1: (9, 9)}, {2: (0, 1)}], Priority(positive_weight=2.0, decay=1.0)))
    assert found == {1: 0.0, 2: 1.0}


@given(st.lists(day_counts, max_size=6), priority_settings, st.randoms(use_true_random=False))
def test_the_closed_form_in_any_order_equals_the_replay(
    days: list[DayCounts], settings: Priority, random: st.DataObject
) -> None:
    ages = list(range(len(days)))
    random.shuffle(ages)
    total = NO_PRIORITIES
    for age in ages:
        total = add_late_day(total, counts(days[-1 - age]), age, settings)
    replayed = literal(replay(days, settings))
    assert literal(total) == pytest.approx(replayed, rel=1e-9, abs=1e-12)


@given(st.lists(day_counts, min_size=1, max_size=5), priority_settings, st.data())
def test_a_late_day_can_be_added_without_replaying_the_rest(
    days: list[DayCounts], settings: Priority, data: st.DataObject
) -> None:
    late = data.draw(st.integers(0, len(days) - 1))
    without = replay([*days[:late], {}, *days[late + 1 :]], settings)
    found = add_late_day(without, counts(days[late]), len(days) - 1 - late, settings)
    expected = literal(replay(days, settings))
    assert literal(found) == pytest.approx(expected, rel=1e-9, abs=1e-12)
