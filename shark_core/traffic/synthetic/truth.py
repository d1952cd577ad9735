"""The truth about a day of synthetic traffic, which no model can beat.

* **Bayes AUC**: that of the true probability as a score, in expectation over labels:
  `Σ_{i,j} p_i (1−p_j) [p_i > p_j] / (Σ p · Σ (1−p))`, ties half. Computed from integer counts in
  65,536 bins of the logit, so that no order of summation shows in it.
* **Importance** of a feature: the log-loss that the true model loses when the feature's part of the
  logit is replaced by its mean, `E[ζ(z′) − ζ(z) − p (z′ − z)]` with ζ = softplus: the mean
  Kullback–Leibler divergence between the two predictions. Over the day's first impressions. That
  of a field with copies is what is lost when the copies go with it; a copy has none of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
BINS = 65_536
LARGEST_LOGIT = 24.0
SAMPLE = 200_000


def sigmoid(logit: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-logit))


def softplus(logit: Floats) -> Floats:
    return np.logaddexp(0.0, logit)


class TruthCounter:
    """Sees every chunk of a day once: logit (N,), label (N,), each feature's effect (N,)."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._counts = np.zeros(BINS, dtype=np.int64)
        self._positives = 0
        self._sample: dict[str, list[Floats]] = {name: [] for name in names}
        self._logits: list[Floats] = []
        self._room = SAMPLE

    def add(
        self,
        logit: Floats,
        label: NDArray[np.int8],
        effects: Mapping[str, Floats],
    ) -> None:
        bins = (logit + LARGEST_LOGIT) * (BINS / (2.0 * LARGEST_LOGIT))  # (N,)
        places = np.clip(bins, 0, BINS - 1).astype(np.int64)
        self._counts += np.bincount(places, minlength=BINS)
        self._positives += int(label.sum())
        if self._room > 0:
            self._logits.append(logit[: self._room].copy())
            for name, effect in effects.items():
                self._sample[name].append(effect[: self._room].copy())
            self._room -= self._logits[-1].size

    def figures(self) -> dict[str, Any]:
        """Impressions, positives, Bayes AUC, Bayes log-loss and mean probability of the day."""
        width = 2.0 * LARGEST_LOGIT / BINS
        logit = (np.arange(BINS) + 0.5) * width - LARGEST_LOGIT  # (BINS,)
        p = sigmoid(logit)
        total = int(self._counts.sum())
        positives, negatives = self._counts * p, self._counts * (1.0 - p)
        below = np.cumsum(negatives) - negatives / 2.0  # (BINS,) ties within a bin count half
        loss = (softplus(logit) - p * logit) @ self._counts
        return {
            "impressions": total,
            "positives": self._positives,
            "mean_probability": _rounded(positives.sum() / total),
            "bayes_auc": _rounded(positives @ below / (positives.sum() * negatives.sum())),
            "bayes_log_loss": _rounded(loss / total),
        }

    def importances(self) -> dict[str, dict[str, float]]:
        """Per feature: `deviation` of its part of the logit, and `importance` in log-loss."""
        logit = np.concatenate(self._logits)  # (S,)
        effects = {name: np.concatenate(parts) for name, parts in self._sample.items()}
        return {
            name: {
                "deviation": _rounded(effect.std()),
                "importance": _rounded(_lost_by_mean_replacement(logit, effect)),
            }
            for name, effect in effects.items()
        }


def _lost_by_mean_replacement(logit: Floats, effect: Floats) -> Any:
    replaced = logit - effect + effect.mean()  # (S,)
    loss = softplus(replaced) - softplus(logit) - sigmoid(logit) * (replaced - logit)
    return loss.mean()


def _rounded(value: Any) -> float:
    return round(float(value), 8)
