"""Days that a plan leaves out: without counts, of another table, or too old to matter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shark_core.access.priority_plan import PriorityPlan, State, plan_priorities, unsettled
from tests.access.literal_plans import (
    OTHER_TABLE,
    RULES,
    counts_of,
    day,
    numbers,
    plan,
    said,
    state,
)

OF_OTHER_TABLE = replace(RULES, row_assignment=OTHER_TABLE)


def plan_beside(
    number: int, counted: dict[int, str], of_other_table: dict[int, str], *states: State
) -> PriorityPlan:
    """With counts of the present table, and others of another one."""
    counts = counts_of(counted) | counts_of(of_other_table, OTHER_TABLE)
    return plan_priorities(day(number), counts, states, RULES)


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


def test_counts_of_another_table_are_left_out_and_reported() -> None:
    found = plan_beside(4, {3: "c", 4: "d"}, {1: "a", 2: "b"})
    assert (found.base, numbers(found.add)) == (None, [3, 4])
    assert said(found) == {"other_table": [1, 2]}
    assert set(found.applied) == {day(3), day(4)}


def test_a_state_of_another_table_is_no_base() -> None:
    states = [state(2, {1: "a", 2: "b"}, rules=OF_OTHER_TABLE)]
    found = plan_beside(3, {3: "c"}, {1: "a", 2: "b"}, *states)
    assert (found.base, numbers(found.add)) == (None, [3])
    assert said(found) == {"other_table": [1, 2]}


def test_counts_of_another_table_stay_reported_until_they_are_counted_again() -> None:
    after_change = state(3, {3: "c"})
    assert said(plan_beside(4, {3: "c", 4: "d"}, {2: "b"}, after_change)) == {"other_table": [2]}
    found = plan(4, {2: "new", 3: "c", 4: "d"}, after_change)
    assert (found.base, numbers(found.add), said(found)) == (day(3), [2, 4], {"late": [2]})


def test_a_day_between_that_has_no_counts_is_missing_and_not_of_another_table() -> None:
    found = plan_beside(5, {4: "d", 5: "e"}, {1: "a", 2: "b"})
    assert said(found) == {"missing": [3], "other_table": [1, 2]}


def test_an_applied_day_stays_applied_when_it_is_counted_for_another_table() -> None:
    found = plan_beside(3, {1: "a", 3: "c"}, {2: "x"}, state(2, {1: "a", 2: "b"}))
    assert (found.base, numbers(found.add), said(found)) == (day(2), [3], {})
    assert found.applied[day(2)] == "b"


def test_counts_that_do_not_say_their_table_are_of_another_one() -> None:
    counts = counts_of({1: "a"}, table=None) | counts_of({2: "b"})
    found = plan_priorities(day(2), counts, [], RULES)
    assert (numbers(found.add), said(found)) == ([2], {"other_table": [1]})


def test_settled_days_are_neither_added_nor_kept_in_the_ledger() -> None:
    found = plan(200, {75: "late", 76: "s", 77: "t", 200: "z"}, state(199, {76: "other", 78: "u"}))
    assert (found.base, numbers(found.add), found.late) == (day(199), [77, 200], (day(77),))
    assert set(found.applied) == {day(77), day(78), day(200)}


def test_settled_counts_of_another_table_are_not_reported() -> None:
    found = plan_beside(200, {200: "z"}, {76: "s", 77: "t"})
    assert numbers(found.other_table) == [77]


def test_a_state_of_a_settled_day_is_no_base() -> None:
    assert plan(124, {124: "z"}, state(0, {0: "a"})).base is None
    assert plan(123, {123: "z"}, state(0, {0: "a"})).base == day(0)


@pytest.mark.parametrize(("decay", "expected"), [(0.01, 2_750), (0.2, 124), (0.5, 40), (1.0, 1)])
def test_a_ledger_has_a_bounded_number_of_days(decay: float, expected: int) -> None:
    days = [day(number) for number in range(3_000)]
    assert len(unsettled(days, day(2_999), decay)) == expected
