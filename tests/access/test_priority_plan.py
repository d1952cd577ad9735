"""Which state a day starts from, and which days it adds: each rule on literal days.

Days are numbers here; counts are written `{1: "a"}`, day 1 with the fingerprint "a".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shark_core.access.priorities import Aged, update_priorities
from shark_core.access.priority_plan import (
    PriorityPlan,
    State,
    ledger_settings,
    plan_priorities,
    unsettled,
)
from shark_core.config_sections import Priority
from tests.access.test_priorities import ROWS, DayCounts, counts, day_counts

SETTINGS = Priority()  # days of age 124 are settled
OTHER = Priority(decay=0.3)


def day(number: int) -> date:
    return date(2026, 1, 1) + timedelta(days=number)


def numbers(days: tuple[date, ...]) -> list[int]:
    return [(known - day(0)).days for known in days]


def state(number: int, applied: dict[int, str], made_with: Priority = SETTINGS) -> State:
    ledger = {day(known): value for known, value in applied.items()}
    return State(day(number), ledger, ledger_settings(made_with))


def plan(number: int, counted: dict[int, str], *states: State) -> PriorityPlan:
    return plan_priorities(
        day(number), {day(known): value for known, value in counted.items()}, states, SETTINGS
    )


def said(found: PriorityPlan) -> dict[str, list[int]]:
    """What a plan reports, without what is empty."""
    lists = {"late": found.late, "recounted": found.recounted, "missing": found.missing}
    return {name: numbers(days) for name, days in lists.items() if days}


def test_an_ordinary_day_adds_its_counts_to_the_state_of_the_day_before() -> None:
    found = plan(3, {1: "a", 2: "b", 3: "c"}, state(2, {1: "a", 2: "b"}))
    assert (found.base, numbers(found.add), said(found)) == (day(2), [3], {})
    assert found.applied == {day(1): "a", day(2): "b", day(3): "c"}


def test_a_first_day_starts_from_nothing() -> None:
    found = plan(3, {3: "c"})
    assert (found.base, numbers(found.add), said(found)) == (None, [3], {})


def test_counts_of_days_before_the_first_state_are_added_too() -> None:
    found = plan(3, {1: "a", 2: "b", 3: "c"})
    assert (found.base, numbers(found.add), said(found)) == (None, [1, 2, 3], {})


def test_a_late_day_is_added_to_the_newest_state() -> None:
    found = plan(4, {1: "a", 2: "b", 3: "c", 4: "d"}, state(3, {1: "a", 3: "c"}))
    assert (found.base, numbers(found.add)) == (day(3), [2, 4])
    assert said(found) == {"late": [2]}


def test_a_day_before_the_first_known_one_can_be_late() -> None:
    found = plan(4, {1: "a", 2: "b", 3: "c", 4: "d"}, state(3, {2: "b", 3: "c"}))
    assert (numbers(found.add), said(found)) == ([1, 4], {"late": [1]})


def test_a_recounted_day_goes_back_to_the_state_before_it() -> None:
    states = [
        state(4, {1: "a", 2: "b", 3: "c", 4: "d"}),
        state(3, {1: "a", 2: "b", 3: "c"}),
        state(2, {1: "a", 2: "b"}),
        state(1, {1: "a"}),
    ]
    found = plan(5, {1: "a", 2: "new", 3: "c", 4: "d", 5: "e"}, *states)
    assert (found.base, numbers(found.add)) == (day(1), [2, 3, 4, 5])
    assert said(found) == {"recounted": [2]}
    assert found.applied[day(2)] == "new"


def test_a_late_and_a_recounted_day_at_once() -> None:
    states = [state(4, {2: "b", 3: "c", 4: "d"}), state(3, {2: "b", 3: "c"}), state(2, {2: "b"})]
    found = plan(5, {1: "a", 2: "b", 3: "new", 4: "d", 5: "e"}, *states)
    assert (found.base, numbers(found.add)) == (day(2), [1, 3, 4, 5])
    assert said(found) == {"late": [1], "recounted": [3]}


def test_the_drawing_of_the_module_is_what_happens() -> None:
    states = [
        state(7, {1: "a", 2: "b", 4: "d", 6: "f", 7: "g"}),
        state(6, {1: "a", 2: "b", 4: "d", 6: "f"}),
        state(4, {1: "a", 2: "b", 4: "d"}),
    ]
    counted = {1: "a", 2: "b", 3: "c", 4: "d", 6: "new", 7: "g", 8: "h"}
    found = plan(8, counted, *states)
    assert (found.base, numbers(found.add)) == (day(4), [3, 6, 7, 8])
    assert said(found) == {"late": [3], "recounted": [6], "missing": [5]}


def test_without_a_state_before_a_recounted_day_everything_is_added_up() -> None:
    found = plan(3, {1: "new", 2: "b", 3: "c"}, state(2, {1: "a", 2: "b"}), state(1, {1: "a"}))
    assert (found.base, numbers(found.add)) == (None, [1, 2, 3])
    assert said(found) == {"recounted": [1]}


def test_a_gap_in_the_states_is_filled_from_the_counts() -> None:
    found = plan(5, {1: "a", 2: "b", 3: "c", 4: "d", 5: "e"}, state(2, {1: "a", 2: "b"}))
    assert (found.base, numbers(found.add), said(found)) == (day(2), [3, 4, 5], {})


def test_days_without_counts_are_reported_from_the_first_known_day_on() -> None:
    found = plan(6, {4: "d", 6: "f"}, state(4, {2: "b", 4: "d"}))
    assert (found.base, numbers(found.add), said(found)) == (day(4), [6], {"missing": [3, 5]})


def test_counts_that_were_removed_stay_applied() -> None:
    found = plan(3, {2: "b", 3: "c"}, state(2, {1: "a", 2: "b"}))
    assert (found.base, numbers(found.add), said(found)) == (day(2), [3], {})
    assert found.applied[day(1)] == "a"


def test_removed_counts_that_no_base_has_applied_are_reported() -> None:
    found = plan(3, {2: "new", 3: "c"}, state(2, {1: "a", 2: "b"}))
    assert (found.base, numbers(found.add)) == (None, [2, 3])
    assert said(found) == {"recounted": [2], "missing": [1]}


def test_a_state_made_with_other_settings_is_no_base() -> None:
    found = plan(3, {1: "a", 2: "b", 3: "c"}, state(2, {1: "a", 2: "b"}, made_with=OTHER))
    assert (found.base, numbers(found.add), said(found)) == (None, [1, 2, 3], {})


def test_settings_that_changed_back_find_their_older_state() -> None:
    states = [state(3, {1: "a", 2: "b", 3: "c"}, made_with=OTHER), state(2, {1: "a", 2: "b"})]
    found = plan(4, {1: "a", 2: "b", 3: "c", 4: "d"}, *states)
    assert (found.base, numbers(found.add), said(found)) == (day(2), [3, 4], {})


def test_another_floor_keeps_the_state() -> None:
    low = state(2, {2: "b"}, made_with=Priority(floor=0.0))
    assert plan(3, {2: "b", 3: "c"}, low).base == day(2)


def test_a_partition_without_a_ledger_is_no_base() -> None:
    found = plan(3, {2: "b", 3: "c"}, State.from_facts(day(2), {}))
    assert (found.base, numbers(found.add)) == (None, [2, 3])


def test_an_older_day_that_runs_again_takes_no_state_and_no_counts_after_it() -> None:
    states = [state(4, {2: "b", 3: "c", 4: "d"}), state(3, {2: "b", 3: "c"}), state(2, {2: "b"})]
    found = plan(3, {2: "b", 3: "c", 4: "d"}, *states)
    assert (found.base, numbers(found.add), said(found)) == (day(2), [3], {})


def test_settled_days_are_neither_added_nor_kept_in_the_ledger() -> None:
    found = plan(200, {75: "late", 76: "s", 77: "t", 200: "z"}, state(199, {76: "other", 78: "u"}))
    assert (found.base, numbers(found.add), found.late) == (day(199), [77, 200], (day(77),))
    assert set(found.applied) == {day(77), day(78), day(200)}


def test_a_state_of_a_settled_day_is_no_base() -> None:
    assert plan(124, {124: "z"}, state(0, {0: "a"})).base is None
    assert plan(123, {123: "z"}, state(0, {0: "a"})).base == day(0)


@pytest.mark.parametrize(("decay", "expected"), [(0.2, 124), (0.5, 40), (1.0, 1)])
def test_a_ledger_has_a_bounded_number_of_days(decay: float, expected: int) -> None:
    days = [day(number) for number in range(300)]
    assert len(unsettled(days, day(299), Priority(decay=decay))) == expected


def test_markers_of_states_behind_the_base_are_not_read() -> None:
    def states() -> Iterator[State]:
        yield state(2, {2: "b"})
        raise AssertionError("the state behind the base was read")

    found = plan_priorities(day(3), {day(2): "b", day(3): "c"}, states(), SETTINGS)
    assert found.base == day(2)


def test_the_ledger_is_read_back_as_it_was_written() -> None:
    found = plan(3, {1: "a", 3: "c"})
    assert State.from_facts(day(3), found.facts(SETTINGS)) == state(3, {1: "a", 3: "c"})


class History:
    """A field's counts and states in memory, with plans carried out as the job does it."""

    def __init__(self, made_with: Priority) -> None:
        self.settings = made_with
        self.counted: dict[date, DayCounts] = {}
        self.states: dict[date, tuple[State, pa.Table]] = {}

    def update(self, on: date) -> dict[int, float]:
        prints = {known: repr(sorted(value.items())) for known, value in self.counted.items()}
        newest_first = (self.states[known][0] for known in sorted(self.states, reverse=True))
        found = plan_priorities(on, prints, newest_first, self.settings)
        base = [Aged((on - found.base).days, self.states[found.base][1])] if found.base else []
        table = self.sum_of(base, found.add, on)
        made = State.from_facts(on, found.facts(self.settings))
        self.states[on] = (made, table)
        return as_dict(table)

    def sum_of(self, base: list[Aged], days: tuple[date, ...], on: date) -> pa.Table:
        terms = [Aged((on - known).days, counts(self.counted[known])) for known in days]
        return update_priorities(ROWS, base, terms, self.settings).table

    def replayed(self, on: date) -> dict[int, float]:
        """The recurrence over every calendar day, from the present counts."""
        total: dict[int, float] = {}
        for number in range((on - day(0)).days + 1):
            total = {row: (1 - self.settings.decay) * value for row, value in total.items()}
            for row, (positives, negatives) in self.counted.get(day(number), {}).items():
                added = self.settings.positive_weight * positives + negatives
                total[row] = total.get(row, 0.0) + self.settings.decay * added
        return total


def as_dict(table: pa.Table) -> dict[int, float]:
    return dict(zip(table["row_id"].to_pylist(), table["priority"].to_pylist(), strict=True))


events = st.lists(st.tuples(st.integers(0, 8), st.none() | day_counts), max_size=20)
without_floor = st.builds(
    Priority, positive_weight=st.floats(0.1, 50), decay=st.floats(0.05, 0.8), floor=st.just(0.0)
)


@settings(max_examples=200)
@given(events, without_floor)
def test_any_order_of_counts_recounts_gaps_and_updates_equals_the_replay(
    happened: list[tuple[int, DayCounts | None]], made_with: Priority
) -> None:
    history = History(made_with)
    for number, counted in [*happened, (9, {})]:
        if counted is not None:
            history.counted[day(number)] = counted
        if day(number) in history.counted and (counted is None or number == 9):
            found = history.update(day(number))
            assert found == pytest.approx(history.replayed(day(number)), rel=1e-9, abs=1e-12)
