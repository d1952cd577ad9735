"""What a method of scoring is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from shark_core.importance.logits import TaskLogits
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True, eq=False)
class ExampleScores:
    """Of a batch: each example's score `(B,)` by field with a table, in log-loss.

    `tasks`: what the scored tasks' logits are where nothing is replaced, without their graph.
    """

    by_field: dict[str, Tensor]
    tasks: list[TaskLogits]


class Method(Protocol):
    @property
    def way(self) -> str:
        """All that scores depend on besides model and examples: only the same may be merged."""

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> ExampleScores:
        """`number` of the batch among those of the whole pass."""
