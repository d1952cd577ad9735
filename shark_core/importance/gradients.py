"""Gradients at the pooled embeddings: one forward pass a batch, one backward pass an output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from shark_core.errors import ConfigError
from shark_core.importance.logits import Embeddings, Logits, TaskLogits
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class Linearised:
    """Something that is one number per example, at its point: by field `(B, D_f)` each.

    Row i of a gradient is of example i alone, since a logit depends on its own example alone.
    """

    pooled: Embeddings
    gradients: Embeddings

    def change(self, name: str, replaced: Tensor) -> Tensor:
        """`gradient · (replaced − e_f)` `(B,)`: its change to first order."""
        return (self.gradients[name] * (replaced - self.pooled[name])).sum(dim=1)


@dataclass(frozen=True, eq=False)
class Point:
    """The fields `names` of a batch, the logits there, and the graph from one to the other."""

    model: CtrModel
    batch: Batch
    logits: Logits
    inputs: Embeddings  # of all fields; those of `names` require a gradient
    names: list[str]
    tasks: list[TaskLogits]

    @classmethod
    def of(cls, model: CtrModel, batch: Batch, names: list[str], logits: Logits) -> Self:
        with torch.no_grad():
            inputs = model.embeddings(batch)  # (B, D_f) each
        for name in names:
            inputs[name] = inputs[name].detach().requires_grad_()
        tasks = logits.of(model, inputs, batch)
        return cls(model, batch, logits, inputs, names, tasks)

    @property
    def pooled(self) -> Embeddings:
        return {name: self.inputs[name].detach() for name in self.names}

    @property
    def observed(self) -> list[TaskLogits]:
        """The tasks without the graph."""
        return [replace(task, logits=task.logits.detach()) for task in self.tasks]

    def linearise(self, factors: Sequence[Tensor | None]) -> Linearised:
        """Of `Σ_t factor_t · z_t`, in one backward pass; factors `(B,)`, None leaves a task out.

        A field that the head does not read has gradient zero. Raises `ConfigError` where the head
        reads a field but gives no gradient for it.
        """
        chosen = [
            (task.logits, factor)
            for task, factor in zip(self.tasks, factors, strict=True)
            if factor is not None and task.logits.requires_grad
        ]
        found: Sequence[Tensor | None] = [None] * len(self.names)
        if chosen:
            outputs, weights = zip(*chosen, strict=True)
            points = [self.inputs[name] for name in self.names]
            found = torch.autograd.grad(
                outputs, points, weights, retain_graph=len(self.tasks) > 1, allow_unused=True
            )
        by_field = dict(zip(self.names, found, strict=True))
        self._check_not_read([name for name in self.names if by_field[name] is None], factors)
        return Linearised(self.pooled, self._zeros_for_none(by_field))

    def _zeros_for_none(self, gradients: dict[str, Tensor | None]) -> Embeddings:
        return {
            name: torch.zeros_like(self.inputs[name]) if gradient is None else gradient
            for name, gradient in gradients.items()
        }

    @torch.no_grad()
    def _check_not_read(self, names: list[str], factors: Sequence[Tensor | None]) -> None:
        """By trying: without a gradient, a field that is read and one that is not look the same."""
        if not names:
            return
        moved = {**self.inputs, **{name: self.inputs[name] + 1.0 for name in names}}
        after = self.logits.of(self.model, moved, self.batch)
        same = (
            torch.allclose(old.logits, new.logits, rtol=1e-4, atol=1e-6, equal_nan=True)
            for old, new, factor in zip(self.tasks, after, factors, strict=True)
            if factor is not None
        )
        if not all(same):
            raise ConfigError(
                "the head reads fields without giving a gradient for them",
                expected="logits that can be differentiated by every pooled embedding they read",
                found=f"no gradient for {', '.join(names)}, some of which change the logits",
                where=f"head {type(self.model.head).__name__}",
                remedy="leave detach() and no_grad out of the head's forward, or set "
                "importance.method to permutation, which needs no gradient",
            )
