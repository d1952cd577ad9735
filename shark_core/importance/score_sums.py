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
    """Sums of pooled embeddings `(D_f,)` float64 by field, over `examples`."""

    sums: dict[str, Tensor]
    examples: int

    @classmethod
    @torch.no_grad()
    def of(cls, model: CtrModel, batch: Batch) -> Self:
        """Of one batch: the fields that have a table."""
        pooled = model.embeddings(batch)
        sums = {name: pooled[name].sum(dim=0, dtype=torch.float64) for name in model.kept}
        return cls(sums, len(batch))

    def merge(self, other: Self) -> Self:
        sums = {name: total + other.sums[name] for name, total in self.sums.items()}
        return type(self)(sums, self.examples + other.examples)

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
        """Of one batch's scores `(B,)` by field."""
        doubles = {name: score.double() for name, score in scores.items()}
        return cls(
            sums={name: score.sum().item() for name, score in doubles.items()},
            squares={name: score.square().sum().item() for name, score in doubles.items()},
            examples=len(next(iter(doubles.values()))),
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
