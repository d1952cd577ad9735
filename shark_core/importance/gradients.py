"""Logits, and their gradients at the pooled embeddings: one forward and one backward a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class Linearised:
    """A batch at its point: `logits` (B,), and by field `pooled` and `gradients` (B, D_f).

    Row i of a gradient is `∂z_i/∂e_f(x_i)`, since a logit depends on its own example alone.
    """

    logits: Tensor
    pooled: dict[str, Tensor]
    gradients: dict[str, Tensor]

    def change(self, name: str, replaced: Tensor) -> Tensor:
        """`∂z/∂e_f · (replaced − e_f)` `(B,)`: what the logit changes, to first order."""
        return (self.gradients[name] * (replaced - self.pooled[name])).sum(dim=1)


def linearise(model: CtrModel, batch: Batch, names: list[str]) -> Linearised:
    """At the fields `names`. The loss's gradient is the logit's times `σ(z) − y`."""
    with torch.no_grad():
        pooled = model.embeddings(batch)  # (B, D_f) each
    points = {name: pooled[name].detach().requires_grad_() for name in names}
    logits = model.head({**pooled, **points}, batch.dense)  # (B,)
    gradients = torch.autograd.grad(logits.sum(), list(points.values()))
    return Linearised(
        logits=logits.detach(),
        pooled={name: point.detach() for name, point in points.items()},
        gradients=dict(zip(points, gradients, strict=True)),
    )
