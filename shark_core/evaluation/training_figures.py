"""What markers and people are told of a training."""

from __future__ import annotations

from typing import Any

from shark_core.evaluation.auc import auc
from shark_core.models.training import FitResult


def training_figures(result: FitResult) -> dict[str, Any]:
    """Losses are in nats an example; those of validation are of the epoch that was kept."""
    held_out = result.validation
    return {
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "examples": result.examples,
        "train_log_loss": result.train_log_loss,
        "validation_log_loss": held_out.log_loss,
        "validation_auc": auc(held_out.labels, held_out.logits),
    }
