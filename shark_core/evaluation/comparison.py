"""Baseline against compressed model on the same held-out examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from shark_core.evaluation.auc import auc, auc_difference
from shark_core.evaluation.calibration import calibration, calibration_difference
from shark_core.evaluation.log_loss import log_loss, log_loss_difference
from shark_core.evaluation.paired_difference import PairedDifference


@dataclass(frozen=True)
class Quality:
    """One model on one slice."""

    auc: float
    log_loss: float
    calibration: float

    @classmethod
    def of(cls, label: np.ndarray, logit: np.ndarray) -> Self:
        return cls(auc(label, logit), log_loss(label, logit), calibration(label, logit))


@dataclass(frozen=True)
class Comparison:
    """Differences are compressed minus baseline: a negative ΔAUC is a loss of quality."""

    examples: int
    positives: int
    baseline: Quality
    compressed: Quality
    auc_difference: PairedDifference
    log_loss_difference: PairedDifference
    calibration_difference: PairedDifference

    @classmethod
    def of(cls, label: np.ndarray, baseline: np.ndarray, compressed: np.ndarray) -> Self:
        """From labels (N,) and both models' logits (N,). Raises `DataError` as `auc` does."""
        return cls(
            examples=len(label),
            positives=int(label.sum()),
            baseline=Quality.of(label, baseline),
            compressed=Quality.of(label, compressed),
            auc_difference=auc_difference(label, baseline, compressed),
            log_loss_difference=log_loss_difference(label, baseline, compressed),
            calibration_difference=calibration_difference(label, baseline, compressed),
        )
