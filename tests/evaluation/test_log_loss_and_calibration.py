from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shark_core.evaluation.calibration import calibration, calibration_difference, sigmoid
from shark_core.evaluation.log_loss import log_loss, log_loss_difference, log_losses

LABELS = np.array([0.0, 1.0, 1.0, 0.0])
LOGITS = np.array([-1.0, 0.5, 2.0, 3.0], dtype=np.float32)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=20))
def test_log_loss_is_torchs_binary_cross_entropy(logits: list[float]) -> None:
    label = np.arange(len(logits)) % 2
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(logits, dtype=torch.float64), torch.from_numpy(label).double()
    )
    assert log_loss(label, np.array(logits)) == pytest.approx(float(expected), abs=1e-12)


def test_log_loss_of_a_confident_mistake_is_its_logit() -> None:
    assert log_losses(np.array([1.0, 0.0]), np.array([-900.0, 900.0])).tolist() == [900.0, 900.0]


def test_log_loss_difference_is_paired() -> None:
    found = log_loss_difference(LABELS, LOGITS, LOGITS + 0.01)
    by_example = log_losses(LABELS, LOGITS + 0.01) - log_losses(LABELS, LOGITS)
    assert found.difference == pytest.approx(by_example.mean())
    assert found.standard_error == pytest.approx(by_example.std(ddof=1) / 2)


def test_calibration_is_predicted_over_observed() -> None:
    assert calibration(np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(4)) == 2.0


def test_calibration_does_not_overflow() -> None:
    assert calibration(np.array([1.0, 0.0]), np.array([1e30, -1e30])) == 1.0


def test_the_calibration_difference_is_that_of_both_calibrations() -> None:
    found = calibration_difference(LABELS, LOGITS, LOGITS + 0.1)
    expected = calibration(LABELS, LOGITS + 0.1) - calibration(LABELS, LOGITS)
    assert found.difference == pytest.approx(expected)


def test_the_interval_of_the_calibration_difference_covers_the_truth() -> None:
    """Labels follow the first model; the second is too sure of itself everywhere."""
    random = np.random.default_rng(6)
    everyone = random.normal(-1.5, 1.0, 200_000)
    truth = sigmoid(everyone + 0.1).mean() / sigmoid(everyone).mean() - 1.0
    covered = 0
    for _ in range(400):
        before = random.normal(-1.5, 1.0, 600)
        label = (random.random(600) < sigmoid(before)).astype(float)
        found = calibration_difference(label, before, before + 0.1)
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.98
