"""Whole histories of late, recounted and missing days against the recurrence, day by day."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shark_core.access.priority_plan import NEGLIGIBLE, is_settled
from shark_core.config_sections import Priority
from tests.access.literal_plans import day
from tests.access.priority_history import (
    DayCounts,
    History,
    day_counts,
    dense,
    floor_bound,
    floored,
    live,
)

DAYS = 100

events = st.lists(st.tuples(st.integers(0, 8), st.none() | day_counts), max_size=20)
randoms = st.randoms(use_true_random=False)
weights = st.floats(0.1, 50)


def without_floor(decay: st.SearchStrategy[float]) -> st.SearchStrategy[Priority]:
    return st.builds(Priority, positive_weight=weights, decay=decay, floor=st.just(0.0))


@settings(max_examples=200)
@given(events, without_floor(st.floats(0.05, 0.8)))
def test_any_order_of_counts_recounts_gaps_and_updates_equals_the_replay(
    happened: list[tuple[int, DayCounts | None]], made_with: Priority
) -> None:
    history = History(made_with)
    for number, counted in [*happened, (9, {})]:
        if counted is not None:
            history.count(number, counted)
        if number in history.counts and (counted is None or number == 9):
            found = dense(history.update(number).table)
            assert found == pytest.approx(history.replayed(number), rel=1e-9, abs=1e-12)


@settings(max_examples=15)
@given(randoms, without_floor(st.floats(0.01, 0.2)), st.lists(weights, min_size=1, max_size=3))
def test_a_long_history_whose_positive_weight_changes_equals_the_replay(
    random: Random, made_with: Priority, others: list[float]
) -> None:
    history = History(made_with)
    for number in live(history, random, DAYS):
        found = dense(history.states[day(number)].table)
        assert found == pytest.approx(history.replayed(number), rel=1e-9)
        if random.random() < 0.05:
            weight = random.choice([made_with.positive_weight, *others])
            history.settings = made_with.model_copy(update={"positive_weight": weight})


@settings(max_examples=15)
@given(randoms, without_floor(st.floats(0.4, 0.99)))
def test_days_that_are_settled_are_left_out_for_less_than_is_negligible(
    random: Random, made_with: Priority
) -> None:
    assert is_settled(day(0), day(DAYS // 2 + 10), made_with.decay)
    history = History(made_with)
    for number in live(history, random, DAYS):
        found = dense(history.states[day(number)].table)
        negligible = NEGLIGIBLE * history.accesses()
        assert found == pytest.approx(history.replayed(number), rel=1e-9, abs=negligible)


@settings(max_examples=15)
@given(randoms, floored())
def test_the_floor_lowers_a_priority_by_its_bound_at_most_and_another_floor_for_each_late_day(
    random: Random, made_with: Priority
) -> None:
    history = History(made_with)
    for number in live(history, random, DAYS):
        made = history.states[day(number)]
        too_low = history.replayed(number) - dense(made.table)
        bound = floor_bound(made_with) + made.late * made_with.floor
        rounding = 1e-9 * bound + NEGLIGIBLE * history.accesses()
        assert np.all((too_low >= -rounding) & (too_low <= bound + rounding))


def test_late_days_that_are_dropped_one_by_one_pass_the_bound_of_days_in_time() -> None:
    """Every other day is taken three days late, when it adds β·(1 − β)³ = 0.0625."""
    history = History(Priority(positive_weight=1.0, decay=0.5, floor=0.0626))
    for number in range(4, 40, 2):
        history.count(number - 3, {7: (0, 1)})
        history.count(number, {})
        made = history.update(number)
    too_low = history.replayed(38)[7] - dense(made.table)[7]
    bound = floor_bound(history.settings)
    assert bound < too_low < bound + made.late * history.settings.floor
