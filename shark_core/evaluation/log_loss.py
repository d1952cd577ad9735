"""Log-loss from logits, and its paired difference. Natural logarithm, mean over examples."""

from __future__ import annotations

import numpy as np

from shark_core.evaluation.paired_difference import PairedDifference


def log_losses(label: np.ndarray, logit: np.ndarray) -> np.ndarray:
    """`log(1 + exp(−z))` for positives, `log(1 + exp(z))` for negatives, stable for any z.

    Labels (N,) of 0 and 1, logits (N,) → float64 (N,).
    """
    z = logit.astype(np.float64)
    return np.maximum(z, 0.0) - z * label + np.log1p(np.exp(-np.abs(z)))


def log_loss(label: np.ndarray, logit: np.ndarray) -> float:
    """Mean log-loss.

    >>> round(log_loss(np.array([1.0, 0.0]), np.array([0.0, 0.0])), 6)
    0.693147
    """
    return float(log_losses(label, logit).mean())


def log_loss_difference(
    label: np.ndarray, before: np.ndarray, after: np.ndarray
) -> PairedDifference:
    """Log-loss of logits `after` minus that of `before`, both (N,) of the same N ≥ 2 examples."""
    by_example = log_losses(label, after) - log_losses(label, before)
    error = by_example.std(ddof=1) / np.sqrt(len(by_example))
    return PairedDifference(float(by_example.mean()), float(error))
