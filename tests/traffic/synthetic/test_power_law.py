from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.traffic.synthetic.power_law import PowerLaw

exponents = st.one_of(st.just(1.0), st.floats(0.0, 3.0))


@given(st.integers(2, 5000), exponents)
def test_probabilities_sum_to_one_and_fall(cardinality: int, exponent: float) -> None:
    p = PowerLaw(cardinality, exponent).probabilities()
    assert p.sum() == pytest.approx(1.0)
    assert (np.diff(p) <= 1e-12).all()


@given(st.integers(2, 2**31 - 1), exponents, st.floats(0.0, 1.0, exclude_max=True))
def test_every_slot_lies_in_range(cardinality: int, exponent: float, uniform: float) -> None:
    slot = PowerLaw(cardinality, exponent).slots(np.array([uniform]))[0]
    assert 0 <= slot < cardinality


@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.0, 1.4])
def test_slots_occur_as_often_as_their_probability_says(exponent: float) -> None:
    law = PowerLaw(50, exponent)
    uniform = (np.arange(1_000_000) + 0.5) / 1_000_000
    shares = np.bincount(law.slots(uniform), minlength=50) / 1_000_000
    np.testing.assert_allclose(shares, law.probabilities(), atol=2e-6)
