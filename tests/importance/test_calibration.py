"""The line through logits that has the least log-loss."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from shark_core.importance.calibration import LEAST, MOST, NONE, Calibration


def examples(slope: float, intercept: float, count: int = 4000) -> tuple[Tensor, Tensor]:
    """Logits z whose labels follow σ(slope·z + intercept)."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(count, generator=generator) * 2
    chance = torch.sigmoid(slope * logits + intercept)
    return logits, (torch.rand(count, generator=generator) < chance).float()


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.2), (0.3, -2.0), (2.0, 1.0)])
def test_what_the_labels_follow_is_found(slope: float, intercept: float) -> None:
    found = Calibration.fitted(*examples(slope, intercept))
    assert found.slope == pytest.approx(slope, rel=0.12)
    assert found.intercept == pytest.approx(intercept, abs=0.15)


@given(slope=st.floats(0.2, 3), intercept=st.floats(-3, 3))
def test_what_is_left_over_follows_the_logits_no_more(slope: float, intercept: float) -> None:
    """Both derivatives of mean log-loss vanish, but for what the prior holds the slope back."""
    logits, label = examples(slope, intercept, count=500)
    found = Calibration.fitted(logits, label)
    left = torch.sigmoid(found.of(logits.double())) - label
    assert float(left.mean()) == pytest.approx(0, abs=1e-6)
    along = float((left * (logits - logits.mean())).mean())
    assert along == pytest.approx((1 - found.slope) / len(logits), abs=1e-6)


def test_constant_logits_keep_their_slope_and_get_the_base_rate() -> None:
    found = Calibration.fitted(torch.full((100,), 3.0), torch.tensor([1.0] * 20 + [0.0] * 80))
    assert found.slope == 1.0
    assert torch.sigmoid(found.of(torch.tensor(3.0))).item() == pytest.approx(0.2, abs=1e-6)


def test_labels_that_logits_part_without_error_give_the_steepest_slope_allowed() -> None:
    logits = torch.cat([torch.linspace(-0.2, -0.1, 500), torch.linspace(0.1, 0.2, 500)])
    assert Calibration.fitted(logits, (logits > 0).float()).slope == MOST


def test_a_model_that_tells_the_opposite_is_not_turned_round() -> None:
    logits, label = examples(1.0, 0.0)
    assert Calibration.fitted(logits, 1 - label).slope == LEAST


def test_nothing_fitted_changes_nothing() -> None:
    logits = torch.randn(10)
    assert NONE.of(logits) is logits
