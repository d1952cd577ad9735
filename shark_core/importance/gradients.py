"""Logits, and their gradients at the pooled embeddings: one forward and one backward a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.importance.logits import Embeddings, Logits, TaskLogits
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class Linearised:
    """A batch at its point, for one task: by field `pooled` and `gradients` (B, D_f).

    Row i of a gradient is `∂z_i/∂e_f(x_i)`, since a logit depends on its own example alone.
    """

    task: TaskLogits
    pooled: Embeddings
    gradients: Embeddings

    def change(self, name: str, replaced: Tensor) -> Tensor:
        """`∂z/∂e_f · (replaced − e_f)` `(B,)`: what the logit changes, to first order."""
        return (self.gradients[name] * (replaced - self.pooled[name])).sum(dim=1)


def linearise(model: CtrModel, batch: Batch, names: list[str], logits: Logits) -> list[Linearised]:
    """At the fields `names`, once a task: each takes a backward pass of its own.

    The loss's gradient is the logit's times `σ(z) − y`. A field that the head does not read has
    gradient zero.
    """
    with torch.no_grad():
        pooled = model.embeddings(batch)  # (B, D_f) each
    points = {name: pooled[name].detach().requires_grad_() for name in names}
    tasks = logits.observed(model, {**pooled, **points}, batch)
    return [
        Linearised(
            task=TaskLogits(task.weight, task.logits.detach(), task.label),
            pooled={name: point.detach() for name, point in points.items()},
            gradients=_gradients(task.logits, points, keep_graph=task is not tasks[-1]),
        )
        for task in tasks
    ]


def _gradients(logits: Tensor, points: Embeddings, keep_graph: bool) -> Embeddings:
    if not logits.requires_grad:  # the head reads none of the fields, or detaches them
        return {name: torch.zeros_like(point) for name, point in points.items()}
    found = torch.autograd.grad(
        logits.sum(),
        list(points.values()),
        retain_graph=keep_graph,
        materialize_grads=True,
        allow_unused=True,
    )
    return dict(zip(points, found, strict=True))
