"""What a method of scoring is."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


class Method(Protocol):
    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> dict[str, Tensor]:
        """Each example's score `(B,)` by field with a table, in log-loss; `number` of the batch."""
