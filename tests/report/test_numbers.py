from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.report.numbers import UNITS, count, percent, significant, size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.00 kB"),
        (9_996, "10.0 kB"),
        (12_345_678, "12.3 MB"),
        (999_499, "999 kB"),
        (999_950, "1.00 MB"),
        (70 * 10**12, "70.0 TB"),
    ],
)
def test_sizes_have_three_digits(number: int, text: str) -> None:
    assert size(number) == text


@given(st.integers(0, 10**17))
def test_sizes_are_within_half_a_percent(number: int) -> None:
    value, unit = size(number).split()
    assert abs(float(value) * 1000 ** UNITS.index(unit) - number) <= 0.005 * number + 0.5


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.00001, "<0.1 %"), (0.1234, "12.3 %"), (1, "100 %")]
)
def test_a_share_that_is_not_zero_is_not_shown_as_zero(share: float, text: str) -> None:
    assert percent(share) == text


def test_counts_are_grouped_and_scores_short() -> None:
    assert (count(1_234_567), significant(0.0123456)) == ("1,234,567", "0.0123")
