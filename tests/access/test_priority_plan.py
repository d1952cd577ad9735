"""Which state a day starts from, and which days it adds: each rule on literal days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shark_core.access.priority_plan import Rules, State, plan_priorities
from shark_core.config_sections import Field, Priority
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

OTHER = replace(RULES, decay=0.3)


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


def test_a_state_of_other_settings_is_no_base() -> None:
    found = plan(3, {1: "a", 2: "b", 3: "c"}, state(2, {1: "a", 2: "b"}, rules=OTHER))
    assert (found.base, numbers(found.add), said(found)) == (None, [1, 2, 3], {})


def test_settings_that_changed_back_find_their_older_state() -> None:
    states = [state(3, {1: "a", 2: "b", 3: "c"}, rules=OTHER), state(2, {1: "a", 2: "b"})]
    found = plan(4, {1: "a", 2: "b", 3: "c", 4: "d"}, *states)
    assert (found.base, numbers(found.add), said(found)) == (day(2), [3, 4], {})


def test_a_partition_without_a_ledger_is_no_base() -> None:
    found = plan(3, {2: "b", 3: "c"}, State.from_facts(day(2), {}))
    assert (found.base, numbers(found.add)) == (None, [2, 3])


def test_an_older_day_that_runs_again_takes_no_state_and_no_counts_after_it() -> None:
    states = [state(4, {2: "b", 3: "c", 4: "d"}), state(3, {2: "b", 3: "c"}), state(2, {2: "b"})]
    found = plan(3, {2: "b", 3: "c", 4: "d"}, *states)
    assert (found.base, numbers(found.add), said(found)) == (day(2), [3], {})


def test_markers_of_states_behind_the_base_are_not_read() -> None:
    def states() -> Iterator[State]:
        yield state(2, {2: "b"})
        raise AssertionError("the state behind the base was read")

    found = plan_priorities(day(3), counts_of({2: "b", 3: "c"}), states(), RULES)
    assert found.base == day(2)


def test_the_ledger_is_read_back_as_it_was_written() -> None:
    found = plan(3, {1: "a", 3: "c"})
    assert State.from_facts(day(3), found.facts) == state(3, {1: "a", 3: "c"})


def test_another_floor_or_name_or_size_of_an_unhashed_table_is_the_same_rules() -> None:
    field = Field(name="ad", encoding="identity", num_embeddings=101, embedding_dim=4)
    other = field.model_copy(update={"name": "item", "num_embeddings": 203})
    assert Rules.of(other, Priority(floor=0.01)) == Rules.of(field, Priority(floor=0.0))


def test_another_number_of_hash_buckets_is_other_rules() -> None:
    field = Field(name="ad", encoding="hash", num_embeddings=101, embedding_dim=4)
    wider = field.model_copy(update={"num_embeddings": 203})
    assert Rules.of(field, Priority()) == RULES
    assert Rules.of(wider, Priority()).row_assignment == OTHER_TABLE
