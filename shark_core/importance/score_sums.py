"""What a scoring pass adds up: mergeable, so that examples can be scored in parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class MeanEmbeddings:
    """Sums of pooled embeddings `(D_f,)` float64 by field, over `examples`.

    `positives`: how many of them are; with several tasks, of the first.
    """

    sums: dict[str, Tensor]
    examples: int
    positives: int

    @classmethod
    @torch.no_grad()
    def of(cls, model: CtrModel, batch: Batch) -> Self:
        """Of one batch: the fields that have a table."""
        pooled = model.embeddings(batch)
        sums = {name: pooled[name].sum(dim=0, dtype=torch.float64) for name in model.kept}
        label = batch.label if batch.label.ndim == 1 else batch.label[:, 0]  # (B,)
        return cls(sums, len(batch), int(label.sum()))

    def merge(self, other: Self) -> Self:
        sums = {name: total + other.sums[name] for name, total in self.sums.items()}
        return type(self)(sums, self.examples + other.examples, self.positives + other.positives)

    def means(self) -> dict[str, Tensor]:
        """`ē_f` `(D_f,)` float32 by field."""
        return {name: (total / self.examples).float() for name, total in self.sums.items()}


@dataclass(frozen=True)
class ScoreSums:
    """Σ s and Σ s² of the examples' scores, float64, by field."""

    sums: dict[str, float]
    squares: dict[str, float]
    examples: int

    @classmethod
    def of(cls, scores: dict[str, Tensor]) -> Self:
        """Of one batch's scores `(B,)` by field. One transfer from a GPU, not one a field."""
        stacked = torch.stack(list(scores.values())).double()  # (fields, B)
        sums, squares = torch.stack([stacked.sum(dim=1), stacked.square().sum(dim=1)]).tolist()
        return cls(
            sums=dict(zip(scores, sums, strict=True)),
            squares=dict(zip(scores, squares, strict=True)),
            examples=stacked.shape[1],
        )

    def merge(self, other: Self) -> Self:
        sums = {name: total + other.sums[name] for name, total in self.sums.items()}
        squares = {name: total + other.squares[name] for name, total in self.squares.items()}
        return type(self)(sums, squares, self.examples + other.examples)

    def score(self, name: str) -> float:
        return self.sums[name] / self.examples

    def standard_error(self, name: str) -> float:
        """`√(sample variance / n)`; infinite for one example, which says nothing of the spread."""
        if self.examples < 2:
            return math.inf
        mean = self.score(name)
        variance = (self.squares[name] - self.examples * mean**2) / (self.examples - 1)
        return math.sqrt(max(variance, 0.0) / self.examples)
