"""Area under the ROC curve, exact with ties, and the paired interval of a difference.

AUC is the probability that a positive example scores above a negative one, ties counting half: the
Mann–Whitney statistic. With midranks R over all examples, m positives and n negatives:
`AUC = (Σ R(positives) − m(m+1)/2) / (m·n)`.

The variance is DeLong's, by the fast algorithm of X. Sun and W. Xu, "Fast Implementation of
DeLong's Algorithm for Comparing the Areas Under Correlated Receiver Operating Characteristic
Curves", IEEE Signal Processing Letters 21 (2014): midranks among all examples minus midranks within
the own class give every example's placement, O(N log N).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shark_core.errors import DataError
from shark_core.evaluation.paired_difference import PairedDifference


@dataclass(frozen=True)
class Placements:
    """How each example stands against the other class, of which AUC is the mean."""

    of_positives: np.ndarray  # (m,) share of negatives below each positive
    of_negatives: np.ndarray  # (n,) share of positives above each negative

    @property
    def auc(self) -> float:
        return float(self.of_positives.mean())


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """Exact AUC of scores (N,) against labels (N,) of 0 and 1. Raises `DataError` as below.

    >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    return placements(label, score).auc


def auc_difference(label: np.ndarray, before: np.ndarray, after: np.ndarray) -> PairedDifference:
    """AUC of `after` minus AUC of `before`, both scores (N,) of the same examples.

    Raises `DataError` where scores are not finite or a label has fewer than two examples.
    """
    old, new = placements(label, before), placements(label, after)
    by_positive = new.of_positives - old.of_positives  # (m,)
    by_negative = new.of_negatives - old.of_negatives  # (n,)
    variance = sum(part.var(ddof=1) / len(part) for part in (by_positive, by_negative))
    return PairedDifference(new.auc - old.auc, float(np.sqrt(variance)))


def placements(label: np.ndarray, score: np.ndarray) -> Placements:
    """Placements of N scored examples. Raises `DataError` as `auc_difference` does."""
    positive = np.asarray(label) == 1
    _check(positive, score)
    ranks = midranks(score)
    m, n = int(positive.sum()), int((~positive).sum())
    below = ranks[positive] - midranks(score[positive])  # (m,) negatives below each positive
    above = m - (ranks[~positive] - midranks(score[~positive]))  # (n,) positives above
    return Placements(below / n, above / m)


def midranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing the mean of theirs: `[5, 3, 5] → [2.5, 1, 2.5]`."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def _check(positive: np.ndarray, score: np.ndarray) -> None:
    if not np.isfinite(score).all():
        raise DataError(
            "a model gave a score that is not finite",
            expected="finite logits",
            found=float(score[~np.isfinite(score)][0]),
            where=f"example {int(np.flatnonzero(~np.isfinite(score))[0])} of the slice",
            remedy="the training diverged: lower the learning rates and train the day again",
        )
    found = {"positives": int(positive.sum()), "negatives": int((~positive).sum())}
    if min(found.values()) < 2:
        raise DataError(
            "AUC needs examples of both labels",
            expected="at least two of each",
            found=found,
            where="the slice that is evaluated",
            remedy="check the label column of the day's traffic, or raise training.holdout_share",
        )
