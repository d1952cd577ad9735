"""Keep-k curves: the quality of models trained on the best k fields of a ranking.

The area under a curve is normalised by the full model and by the range of k:

    area = ∫ (AUC_k − ½) / (AUC_all − ½) d log₂k  /  (log₂ all − log₂ k_min)

by the trapezoid rule over the measured k. 1 means as good as all fields at every k; more than 1,
better than all fields. Every doubling of k counts the same, since what tells rankings apart
happens at small k. The idea is that of AUKC, the area under the k-performance curve, in ERASE (Jia
et al., "ERASE: Benchmarking Feature Selection Methods for Deep Recommender Systems", KDD 2024,
arXiv 2403.12660); the normalisation is ours, so values do not compare with that benchmark's.

Standard errors are over seeds, that is over initial weights, orders of examples and the rankings
that come of them; the examples are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np

from tests.benchmarks.field_selection.trainings import Quality

Curve = Mapping[int, Quality]  # by k; the largest k is all fields
Curves = Mapping[str, Sequence[Curve]]  # by method, one for each seed


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its standard error; None for one seed."""

    mean: float
    standard_error: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
        return cls(mean(values), error)

    def text(self, pattern: str = ".4f") -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.4f}"
        return f"{self.mean:{pattern}}{error}"


def area(curve: Curve) -> float:
    ks = sorted(curve)
    full = curve[ks[-1]].auc - 0.5
    heights = [(curve[k].auc - 0.5) / full for k in ks]
    positions = np.log2(ks)
    return float(np.trapezoid(heights, positions) / (positions[-1] - positions[0]))


def areas(curves: Sequence[Curve]) -> Estimate:
    return Estimate.of([area(curve) for curve in curves])


def area_difference(curves: Sequence[Curve], others: Sequence[Curve]) -> Estimate:
    """Of the first minus the others, paired by seed."""
    return Estimate.of([area(a) - area(b) for a, b in zip(curves, others, strict=True)])


def auc_by_k(curves: Sequence[Curve]) -> dict[int, Estimate]:
    return {k: Estimate.of([curve[k].auc for curve in curves]) for k in curves[0]}


def log_loss_by_k(curves: Sequence[Curve]) -> dict[int, Estimate]:
    return {k: Estimate.of([curve[k].log_loss for curve in curves]) for k in curves[0]}


def auc_differences(curves: Sequence[Curve], others: Sequence[Curve]) -> dict[int, Estimate]:
    """By k, paired by seed."""
    return {
        k: Estimate.of([a[k].auc - b[k].auc for a, b in zip(curves, others, strict=True)])
        for k in curves[0]
    }
