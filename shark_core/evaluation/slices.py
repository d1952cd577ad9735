"""Parts of the judged examples, and both models compared on each. Pure functions over arrays.

    examples     x₀   x₁   x₂   x₃   x₄   x₅
    new rows     ·    ●    ·    ·    ●    ·     reads a row that training did not, in any field
    rare rows    ●    ●    ·    ·    ·    ·     reads one of the least read rows of any field
    tab=1        ●    ·    ●    ·    ·    ●     reads this row of a chosen field
    tab: others  ·    ●    ·    ●    ●    ·     reads none of those named

A slice need not have a result: without examples of both labels there is no AUC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from shark_core.evaluation.auc import auc_difference
from shark_core.evaluation.calibration import calibration
from shark_core.evaluation.log_loss import log_loss_difference
from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.traffic.examples import FieldIds

NEW_ROWS, RARE_ROWS = "new rows", "rare rows"
LEAST = 2  # of something: one alone has no standard error


@dataclass(frozen=True)
class Members:
    """Which of the N judged examples are in a slice: (N,) bool."""

    name: str
    mask: np.ndarray


@dataclass(frozen=True)
class SliceComparison:
    """Differences are compressed minus baseline; None where the slice cannot tell.

    AUC needs two examples of either label, log-loss two examples, calibration (predicted over
    observed positives) a positive.
    """

    name: str
    examples: int
    positives: int
    auc_difference: PairedDifference | None
    log_loss_difference: PairedDifference | None
    baseline_calibration: float | None
    compressed_calibration: float | None

    @property
    def negatives(self) -> int:
        return self.examples - self.positives

    @classmethod
    def of(cls, name: str, label: np.ndarray, baseline: np.ndarray, compressed: np.ndarray) -> Self:
        """From the labels (N,) and both models' logits (N,) of the slice alone, N ≥ 0."""
        examples, positives = len(label), int(label.sum())
        rankable = min(positives, examples - positives) >= LEAST
        models = (label, baseline, compressed)
        return cls(
            name=name,
            examples=examples,
            positives=positives,
            auc_difference=auc_difference(*models) if rankable else None,
            log_loss_difference=log_loss_difference(*models) if examples >= LEAST else None,
            baseline_calibration=calibration(label, baseline) if positives else None,
            compressed_calibration=calibration(label, compressed) if positives else None,
        )


def compare_slices(
    slices: tuple[Members, ...], label: np.ndarray, baseline: np.ndarray, compressed: np.ndarray
) -> tuple[SliceComparison, ...]:
    """Each slice of N examples with labels (N,) and both models' logits (N,)."""
    return tuple(
        SliceComparison.of(each.name, label[each.mask], baseline[each.mask], compressed[each.mask])
        for each in slices
    )


def reads_any(ids: FieldIds, marked: np.ndarray) -> np.ndarray:
    """Which of B examples have at least one marked value, of a field's V values: (V,) → (B,)."""
    found = np.concatenate([[0], np.cumsum(marked)])
    return np.diff(found[ids.offsets]) > 0


def most_read(ids: FieldIds, number: int) -> np.ndarray:
    """The rows that the most examples read, most first, then by id: at most `number`.

    An example that reads a row twice counts once.
    """
    example = np.repeat(np.arange(len(ids.offsets) - 1), np.diff(ids.offsets))  # (V,)
    table = ids.values.max(initial=0) + 1
    once = np.unique(example * table + ids.values) % table
    rows, examples = np.unique(once, return_counts=True)
    return rows[np.lexsort((rows, -examples))][:number]


def by_value(ids: FieldIds, names: Mapping[int, str], others: str) -> tuple[Members, ...]:
    """A slice for each row named, and one for the examples that read none of them.

    The slices of a multi-valued field overlap: an example is in that of every value it has.
    """
    slices = [Members(name, reads_any(ids, ids.values == row)) for row, name in names.items()]
    named = np.isin(ids.values, list(names))
    return (*slices, Members(others, ~reads_any(ids, named)))
