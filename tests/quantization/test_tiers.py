from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.config_sections import Tiers
from shark_core.errors import DataError
from shark_core.quantization.tiers import TIERS, assign_tiers

LIMITS = Tiers(int8_below=1.0, fp16_below=5.0)


def named(codes: np.ndarray) -> list[str]:
    return [TIERS[code] for code in codes]


def test_a_priority_on_the_limit_belongs_to_the_tier_above() -> None:
    priority = np.array([0.0, 0.999, 1.0, 4.999, 5.0, 1e9])
    expected = ["int8", "int8", "fp16", "fp16", "fp32", "fp32"]
    assert named(assign_tiers(priority, LIMITS)) == expected


def test_equal_limits_leave_the_middle_tier_empty() -> None:
    codes = assign_tiers(np.array([0.5, 2.0]), Tiers(int8_below=1.0, fp16_below=1.0))
    assert named(codes) == ["int8", "fp32"]


@given(st.lists(st.floats(0, 1e12), min_size=2, max_size=50))
def test_a_higher_priority_never_gets_fewer_bits(priorities: list[float]) -> None:
    codes = assign_tiers(np.sort(np.array(priorities)), LIMITS)
    assert (np.diff(codes.astype(int)) <= 0).all()


@pytest.mark.parametrize("bad", [-1.0, float("nan")])
def test_a_priority_that_cannot_be_is_refused_with_its_row(bad: float) -> None:
    with pytest.raises(DataError, match="row 1"):
        assign_tiers(np.array([0.0, bad]), LIMITS)
