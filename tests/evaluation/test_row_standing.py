from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shark_core.config_sections import Priority
from shark_core.evaluation.row_standing import RowStanding, add_accesses, rarest
from shark_core.traffic.examples import FieldIds

PRIORITIES = arrays(np.float64, st.integers(0, 30), elements=st.integers(0, 9).map(float))


def standing(priority: list[float], held_out: list[float], share: float = 0.0) -> RowStanding:
    return RowStanding.of(np.array(priority), np.array(held_out), share)


def test_a_row_that_only_held_out_examples_read_is_new() -> None:
    found = standing([0.6, 0.6, 0.0], held_out=[0.6, 0.4, 0.0])
    assert found.new.tolist() == [True, False, True]


@given(st.lists(st.booleans(), max_size=2000))
def test_rounding_does_not_make_a_new_row_known(labels: list[bool]) -> None:
    """The counts' sum and the examples' sum differ in the order of adding."""
    settings = Priority(positive_weight=1.7, decay=0.13)
    counted = settings.decay * (settings.positive_weight * sum(labels) + labels.count(False))
    added = np.zeros(1)
    ids = FieldIds(np.zeros(len(labels), np.int64), np.arange(len(labels) + 1))
    add_accesses(added, np.array(labels, np.float32), ids, settings)
    assert RowStanding.of(np.array([counted]), added, 0.5).new.tolist() == [True]


@pytest.mark.parametrize("days", [1, 10, 60])
def test_one_access_long_ago_keeps_a_row_from_being_new(days: int) -> None:
    trained = 0.2 * 0.8**days
    assert standing([trained + 40.0], held_out=[40.0]).new.tolist() == [False]


@given(PRIORITIES, st.floats(0.0, 1.0))
def test_the_rarest_rows_hold_at_most_the_share_and_one_more_would_exceed_it(
    priority: np.ndarray, share: float
) -> None:
    rare = rarest(priority, share)
    total = priority.sum()
    assert priority[rare].sum() <= share * total
    left = priority[~rare & (priority > 0)]
    if len(left):
        assert priority[rare].sum() + left.min() > share * total
        assert not rare.any() or priority[rare].max() <= left.min()


@given(PRIORITIES)
def test_rows_without_priority_are_new_and_never_rare(priority: np.ndarray) -> None:
    found = RowStanding.of(priority, np.zeros_like(priority), 1.0)
    assert (found.new == (priority == 0)).all()
    assert (found.rare == (priority > 0)).all()


def test_each_access_of_a_list_adds_to_its_row_by_the_examples_label() -> None:
    added = np.zeros(4)
    ids = FieldIds(np.array([1, 1, 3, 2]), np.array([0, 3, 3, 4]))
    add_accesses(added, np.array([1.0, 1.0, 0.0]), ids, Priority(positive_weight=3.0, decay=0.5))
    assert added.tolist() == [0.0, 3.0, 0.5, 1.5]
