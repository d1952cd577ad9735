"""Calibration: do the predicted probabilities add up to what happened?"""

from __future__ import annotations

import numpy as np


def calibration(label: np.ndarray, logit: np.ndarray) -> float:
    """Predicted positives over observed positives: 1 is right, 1.1 predicts 10 % too many.

    Labels (N,) of 0 and 1 with at least one positive, logits (N,).
    """
    return float(sigmoid(logit).sum() / label.sum(dtype=np.float64))


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """`1 / (1 + exp(−z))` in float64 without overflow: (N,) → (N,)."""
    return 0.5 * (1.0 + np.tanh(0.5 * logit.astype(np.float64)))
