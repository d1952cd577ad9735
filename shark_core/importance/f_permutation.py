"""F-Permutation: the first-order loss of replacing a field's embedding by its mean.

After SHARK (arXiv 2308.09395), taken at the pooled embeddings: one forward and one backward pass
over the examples give every field's score.

    I_f = mean_x | Σ_d ∂ℓ(x)/∂e_{f,d} · (ē_{f,d} − e_{f,d}(x)) |

`ℓ` is log-loss of one example, `e_f(x)` `(D_f,)` the pooled embedding, `ē_f` its mean over the same
examples. Both passes give sums that can be merged, so that examples can be scored in parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class MeanEmbeddings:
    """Sums of pooled embeddings `(D_f,)` float64 by field, over `examples`."""

    sums: dict[str, Tensor]
    examples: int

    def merge(self, other: Self) -> Self:
        sums = {name: total + other.sums[name] for name, total in self.sums.items()}
        return type(self)(sums, self.examples + other.examples)

    def means(self) -> dict[str, Tensor]:
        """`ē_f` `(D_f,)` float32 by field."""
        return {name: (total / self.examples).float() for name, total in self.sums.items()}


@dataclass(frozen=True)
class ScoreSums:
    """Σ s and Σ s² of the examples' scores `s ≥ 0`, float64, by field."""

    sums: dict[str, float]
    squares: dict[str, float]
    examples: int

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


def mean_embeddings(model: CtrModel, batches: Iterable[Batch]) -> MeanEmbeddings:
    """First pass, tables only: the fields that have a table. `batches` must hold at least one."""
    return reduce(MeanEmbeddings.merge, (_mean_part(model, batch) for batch in batches))


def score_sums(model: CtrModel, batches: Iterable[Batch], means: dict[str, Tensor]) -> ScoreSums:
    """Second pass, in eval mode; the model is left in the mode in which it came."""
    training = model.training
    model.eval()
    try:
        parts = (_score_part(example_scores(model, batch, means)) for batch in batches)
        return reduce(ScoreSums.merge, parts)
    finally:
        model.train(training)


def example_scores(model: CtrModel, batch: Batch, means: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each example's `|Σ_d ∂ℓ/∂e · (ē − e)|` `(B,)` by field of `means`.

    The loss is summed over the batch, so that row i of the gradient is that of example i alone.
    """
    with torch.no_grad():
        pooled = model.embeddings(batch)  # (B, D_f) each
    points = {name: pooled[name].detach().requires_grad_() for name in means}
    logits = model.head({**pooled, **points}, batch.dense)  # (B,)
    loss = F.binary_cross_entropy_with_logits(logits, batch.label, reduction="sum")
    gradients = torch.autograd.grad(loss, list(points.values()))
    with torch.no_grad():
        return {
            name: (gradient * (means[name] - points[name])).sum(dim=1).abs()  # (B,)
            for name, gradient in zip(points, gradients, strict=True)
        }


@torch.no_grad()
def _mean_part(model: CtrModel, batch: Batch) -> MeanEmbeddings:
    pooled = model.embeddings(batch)
    sums = {name: pooled[name].sum(dim=0, dtype=torch.float64) for name in model.kept}
    return MeanEmbeddings(sums, len(batch))


def _score_part(scores: dict[str, Tensor]) -> ScoreSums:
    doubles = {name: score.double() for name, score in scores.items()}
    return ScoreSums(
        sums={name: score.sum().item() for name, score in doubles.items()},
        squares={name: score.square().sum().item() for name, score in doubles.items()},
        examples=len(next(iter(doubles.values()))),
    )
