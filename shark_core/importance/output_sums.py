"""What the outputs of a task were over a scoring pass: enough to tell what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from shark_core.importance.logits import TaskLogits

SPREAD = 1e-6  # outputs that lie no further apart are one constant
CERTAIN = 0.99  # as far as a probability is believed, so that one surprise does not decide


@dataclass(frozen=True)
class OutputSums:
    """Mergeable. The two losses are Σ log-loss of the labels, once for each reading of outputs o:

    as_logits           p = σ(o)
    as_probabilities    p = o
    """

    examples: int
    positives: float
    lowest: float
    highest: float
    as_logits: float
    as_probabilities: float

    @classmethod
    def of(cls, task: TaskLogits) -> Self:
        """Of one batch. One transfer from a GPU."""
        figures = torch.stack([task.label.sum(), *task.logits.aminmax(), *_losses(task)])
        positives, lowest, highest, *losses = figures.double().tolist()
        return cls(len(task.label), positives, lowest, highest, *losses)

    def merge(self, other: Self) -> Self:
        return type(self)(
            examples=self.examples + other.examples,
            positives=self.positives + other.positives,
            lowest=min(self.lowest, other.lowest),
            highest=max(self.highest, other.highest),
            as_logits=self.as_logits + other.as_logits,
            as_probabilities=self.as_probabilities + other.as_probabilities,
        )

    @property
    def constant(self) -> bool:
        return self.highest - self.lowest <= SPREAD

    def __str__(self) -> str:
        share = self.positives / self.examples
        return (
            f"{self.examples} outputs from {self.lowest:.3g} to {self.highest:.3g} "
            f"where {share:.3g} of the labels are positive"
        )


def _losses(task: TaskLogits) -> tuple[Tensor, Tensor]:
    """By formula: torch's loss of probabilities stops a GPU where one is not a number."""
    believed = task.logits.clamp(1 - CERTAIN, CERTAIN)
    missed = torch.where(task.label > 0, believed, 1 - believed).log()
    as_logits = F.binary_cross_entropy_with_logits(task.logits, task.label, reduction="sum")
    return as_logits, -missed.sum()
