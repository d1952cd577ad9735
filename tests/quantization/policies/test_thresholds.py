from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.errors import DataError
from shark_core.quantization.policies.table_rows import NO_TIER, TableRows
from shark_core.quantization.policies.thresholds import by_thresholds
from shark_core.quantization.tiers import TIERS

PAPER = {"pruned": 0.0, "int2": 0.0, "int4": 0.0, "int8": 1.0, "fp16": 5.0}
SIX = {"pruned": 0.5, "int2": 1.0, "int4": 2.0, "int8": 4.0, "fp16": 8.0}
NONE_GIVEN = dict.fromkeys(SIX, 0.0)

priorities = st.lists(st.floats(0, 1e12), min_size=1, max_size=50)
hysteresis = st.floats(0, 0.99)


def assigned(
    priority: list[float],
    limits: dict[str, float],
    share: float = 0.0,
    previous: list[str] | None = None,
) -> list[str]:
    before = None
    if previous is not None:
        codes = [TIERS.index(tier) if tier in TIERS else NO_TIER for tier in previous]
        before = np.array(codes, dtype=np.uint8)
    rows = TableRows("user", 16, np.array(priority), previous=before)
    return [TIERS[code] for code in by_thresholds([rows], limits, share)["user"]]


def test_a_priority_on_the_limit_belongs_to_the_tier_above() -> None:
    expected = ["int8", "int8", "fp16", "fp16", "fp32", "fp32"]
    assert assigned([0.0, 0.999, 1.0, 4.999, 5.0, 1e9], PAPER) == expected


def test_each_of_the_six_tiers_can_be_had() -> None:
    assert assigned([9, 8, 7, 3, 1.5, 0.7, 0.1], SIX) == ["fp32", *TIERS]


def test_equal_limits_leave_the_tier_between_empty() -> None:
    assert assigned([0.5, 2.0], {**PAPER, "fp16": 1.0}) == ["int8", "fp32"]


def test_without_limits_all_rows_are_fp32() -> None:
    assert assigned([0.0, 3.0], NONE_GIVEN) == ["fp32", "fp32"]


@given(priorities)
def test_a_higher_priority_never_gets_fewer_bits(priority: list[float]) -> None:
    codes = [TIERS.index(tier) for tier in assigned(sorted(priority), SIX)]
    assert codes == sorted(codes, reverse=True)


@given(priorities, hysteresis, st.sampled_from(TIERS))
def test_a_higher_priority_never_gets_fewer_bits_than_another_of_the_same_tier_before(
    priority: list[float], share: float, tier: str
) -> None:
    before = [tier] * len(priority)
    codes = [TIERS.index(tier) for tier in assigned(sorted(priority), SIX, share, before)]
    assert codes == sorted(codes, reverse=True)


@pytest.mark.parametrize(
    ("before", "priority", "after"),
    [
        ("int8", 4.39, "int8"),  # rises from 4·1.1 on
        ("int8", 4.41, "fp16"),
        ("fp16", 3.61, "fp16"),  # falls below 4·0.9
        ("fp16", 3.59, "int8"),
        ("int8", 8.5, "fp16"),  # over two limits, the second by less than a tenth
        ("int8", 8.81, "fp32"),
        ("fp32", 1.81, "int8"),  # under three limits, the third by less than a tenth
        ("fp32", 1.79, "int4"),
        ("new", 4.1, "fp16"),
        ("pruned", 0.5, "pruned"),
        ("pruned", 0.0, "pruned"),
    ],
)
def test_a_row_changes_its_tier_only_where_it_passes_a_limit_by_the_share(
    before: str, priority: float, after: str
) -> None:
    assert assigned([priority], SIX, 0.1, [before]) == [after]


def test_a_tier_that_has_no_room_any_more_holds_no_row() -> None:
    """int8 ends where it begins: a row that was int8 goes where a new one would."""
    limits = {**SIX, "int8": 2.0}
    assert assigned([2.05, 1.95], limits, 0.1, ["int8", "int8"]) == ["fp16", "int4"]


@given(
    st.lists(st.floats(0.91, 1.09), min_size=2, max_size=40),
    st.sampled_from(sorted(SIX)),
)
def test_a_row_that_wanders_around_a_limit_keeps_its_tier(wander: list[float], limit: str) -> None:
    first, *days = [SIX[limit] * step for step in wander]
    before = assigned([first], SIX)
    for priority in days:
        assert assigned([priority], SIX, 0.1, before) == before


def test_without_hysteresis_the_same_row_flaps() -> None:
    days = [0.95, 1.05, 0.95, 1.05]
    tiers = [assigned([SIX["int8"] * day], SIX, 0.0, ["int8"])[0] for day in days]
    assert tiers == ["int8", "fp16", "int8", "fp16"]


@given(priorities, hysteresis)
def test_tiers_of_a_day_stay_when_nothing_changes(priority: list[float], share: float) -> None:
    first = assigned(priority, SIX)
    assert assigned(priority, SIX, share, first) == first


@pytest.mark.parametrize("bad", [-1.0, float("nan")])
def test_a_priority_that_cannot_be_is_refused_with_its_field_and_row(bad: float) -> None:
    with pytest.raises(DataError, match="field 'user', row 1"):
        assigned([0.0, bad], PAPER)
