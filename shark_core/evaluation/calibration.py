"""Calibration: do the predicted probabilities add up to what happened?"""

from __future__ import annotations

import numpy as np

from shark_core.evaluation.paired_difference import PairedDifference


def calibration(label: np.ndarray, logit: np.ndarray) -> float:
    """Predicted positives over observed positives: 1 is right, 1.1 predicts 10 % too many.

    Labels (N,) of 0 and 1 with at least one positive, logits (N,).
    """
    return float(sigmoid(logit).sum() / label.sum(dtype=np.float64))


def calibration_difference(
    label: np.ndarray, before: np.ndarray, after: np.ndarray
) -> PairedDifference:
    """Calibration of logits `after` minus that of `before`, both (N,) of the same N ≥ 2 examples.

    It is a ratio of two sums over examples, `Σ d / Σ y` with d = p_after − p_before: its standard
    error is the ratio estimator's, from the residuals `d − ratio·y` (W. G. Cochran, "Sampling
    Techniques", 1977, section 6.4).
    """
    change = sigmoid(after) - sigmoid(before)  # (N,)
    positives = label.sum(dtype=np.float64)
    ratio = change.sum() / positives
    residuals = change - ratio * label
    error = np.sqrt(len(label)) * residuals.std(ddof=1) / positives
    return PairedDifference(float(ratio), float(error))


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """`1 / (1 + exp(−z))` in float64 without overflow: (N,) → (N,)."""
    return 0.5 * (1.0 + np.tanh(0.5 * logit.astype(np.float64)))
