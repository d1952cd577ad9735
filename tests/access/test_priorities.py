"""The arithmetic of priorities: decay, terms of the closed form, and the floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.access.priorities import Aged, Updated, updated_priorities
from shark_core.access.row_ranges import RowRange
from shark_core.config_sections import Priority
from shark_core.schemas import ROW_PRIORITY_SCHEMA
from tests.access.priority_history import (
    ROWS,
    DayCounts,
    counts_table,
    day_counts,
    floor_bound,
    floored,
)

exact = st.builds(
    Priority, positive_weight=st.floats(0.1, 50), decay=st.floats(0.001, 1.0), floor=st.just(0.0)
)


def literal(updated: Updated) -> dict[int, float]:
    assert updated.table.schema == ROW_PRIORITY_SCHEMA
    rows = updated.table["row_id"].to_pylist()
    assert rows == sorted(set(rows))
    return dict(zip(rows, updated.table["priority"].to_pylist(), strict=True))


def add_up(days: Iterable[tuple[int, DayCounts]], settings: Priority) -> Updated:
    """The closed form from no state; `days` are (age, counts)."""
    aged = [Aged(age, counts_table(day)) for age, day in days]
    return updated_priorities(ROWS, [], aged, settings)


def replay(days: Sequence[DayCounts], settings: Priority) -> list[Updated]:
    """One day after the other, each from the state of the day before."""
    states: list[Updated] = []
    for day in days:
        before = [Aged(1, state.table) for state in states[-1:]]
        states.append(updated_priorities(ROWS, before, [Aged(0, counts_table(day))], settings))
    return states


def test_the_first_day_starts_from_zero() -> None:
    settings = Priority(positive_weight=2.0, decay=0.25)
    assert literal(replay([{3: (1, 2), 7: (0, 4)}], settings)[-1]) == {3: 1.0, 7: 1.0}


def test_rows_decay_are_added_to_and_appear() -> None:
    settings = Priority(positive_weight=3.0, decay=0.5)
    found = replay([{1: (2, 0), 2: (0, 8)}, {2: (1, 1), 5: (0, 2)}], settings)[-1]
    assert literal(found) == {1: 1.5, 2: 2.0 + 2.0, 5: 1.0}


def test_a_decay_of_one_forgets_yesterday() -> None:
    settings = Priority(positive_weight=2.0, decay=1.0)
    assert literal(replay([{1: (9, 9)}, {2: (0, 1)}], settings)[-1]) == {2: 1.0}


def test_a_state_decays_by_calendar_days() -> None:
    state = add_up([(0, {4: (0, 16)})], Priority(decay=0.5))
    found = updated_priorities(ROWS, [Aged(3, state.table)], [], Priority(decay=0.5))
    assert literal(found) == {4: 1.0}


def test_rows_are_listed_from_the_start_of_their_range() -> None:
    day = Aged(0, counts_table({1003: (0, 2), 1009: (0, 4)}))
    found = updated_priorities(RowRange(1000, 1010), [], [day], Priority(decay=0.5))
    assert literal(found) == {1003: 1.0, 1009: 2.0}


def test_rows_in_and_rows_dropped_are_told() -> None:
    settings = Priority(decay=0.5, floor=0.4)
    before = Aged(1, add_up([(0, {1: (0, 1), 2: (0, 2)})], settings).table)
    found = updated_priorities(ROWS, [before], [Aged(0, counts_table({3: (0, 1)}))], settings)
    assert literal(found) == {2: 0.5, 3: 0.5}
    assert (found.rows_in, found.dropped) == (3, 1)


@given(st.lists(day_counts, max_size=6), exact, st.randoms(use_true_random=False))
def test_the_closed_form_in_any_order_equals_the_replay(
    days: list[DayCounts], settings: Priority, random: st.DataObject
) -> None:
    aged = [(len(days) - 1 - number, day) for number, day in enumerate(days)]
    random.shuffle(aged)
    replayed = literal(replay(days, settings)[-1]) if days else {}
    assert literal(add_up(aged, settings)) == pytest.approx(replayed, rel=1e-9, abs=1e-12)


@given(st.lists(day_counts, min_size=1, max_size=5), exact, st.data())
def test_late_days_can_be_added_without_replaying_the_rest(
    days: list[DayCounts], settings: Priority, data: st.DataObject
) -> None:
    late = data.draw(st.sets(st.integers(0, len(days) - 1)))
    known = [{} if number in late else day for number, day in enumerate(days)]
    state = Aged(0, replay(known, settings)[-1].table)
    terms = [Aged(len(days) - 1 - number, counts_table(days[number])) for number in sorted(late)]
    found = literal(updated_priorities(ROWS, [state], terms, settings))
    expected = literal(replay(days, settings)[-1])
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


one_access = st.sampled_from([(0, 0), (0, 0), (0, 1), (1, 0), (3, 2)])


@given(st.lists(one_access, min_size=1, max_size=60), floored())
def test_the_floor_never_raises_a_priority_and_lowers_it_by_less_than_its_bound(
    accesses: list[tuple[int, int]], settings: Priority
) -> None:
    days = [{7: access} if access != (0, 0) else {} for access in accesses]
    without = settings.model_copy(update={"floor": 0.0})
    bound = floor_bound(settings)
    for kept, full in zip(replay(days, settings), replay(days, without), strict=True):
        error = literal(full).get(7, 0.0) - literal(kept).get(7, 0.0)
        assert -1e-12 <= error <= bound + 1e-12


def test_dropping_a_row_again_and_again_comes_near_the_bound() -> None:
    settings = Priority(positive_weight=1.0, decay=0.5, floor=0.2501)  # dropped at 0.25
    days = [{7: (0, 1)}, {}] * 20
    full = literal(replay(days, settings.model_copy(update={"floor": 0.0}))[-1])[7]
    assert literal(replay(days, settings)[-1]) == {}
    assert full > 0.99 * floor_bound(settings)


@given(st.lists(day_counts, min_size=1, max_size=4), floored())
def test_a_row_is_never_dropped_on_a_day_on_which_it_is_read(
    days: list[DayCounts], settings: Priority
) -> None:
    read = {row for row, (positives, negatives) in days[-1].items() if positives + negatives}
    assert read <= set(literal(replay(days, settings)[-1]))


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        ({"floor": 0.2}, "0.2"),
        ({"positive_weight": 0.5, "floor": 0.1}, "0.1"),
        ({"decay": 0.001, "floor": 0.001}, "0.001"),
    ],
)
def test_a_floor_that_drops_rows_on_the_day_of_an_access_is_refused(
    changes: dict[str, float], least: str
) -> None:
    with pytest.raises(ValueError, match=rf"floor must be below .* = {least}: rows would be"):
        Priority(**changes)


@pytest.mark.parametrize(
    ("changes", "floor"),
    [
        ({}, 0.001),
        ({"decay": 0.01}, 0.001),
        ({"decay": 0.001}, 0.0001),
        ({"positive_weight": 0.01}, 0.0002),
        ({"decay": 0.001, "floor": None}, 0.0001),
        ({"floor": 0.0}, 0.0),
    ],
)
def test_a_floor_that_is_not_given_follows_what_one_access_adds(
    changes: dict[str, float], floor: float
) -> None:
    assert Priority(**changes).floor == pytest.approx(floor)


@given(st.floats(1e-6, 1e6), st.floats(1e-9, 1.0))
def test_no_decay_or_weight_needs_a_floor_of_its_own(weight: float, decay: float) -> None:
    settings = Priority(positive_weight=weight, decay=decay)
    assert 0 < settings.floor < decay * min(weight, 1.0)
    assert Priority(**settings.model_dump()) == settings


def test_where_the_decay_is_refused_the_floor_that_follows_it_is_not_talked_about() -> None:
    with pytest.raises(ValueError, match=r"1 validation error for Priority\ndecay"):
        Priority(decay=0.0)
