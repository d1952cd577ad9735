"""Logit-Taylor: the loss of replacing a field's embedding, with the logit linearised, not the loss.

    Δz_f(x) = ∂z/∂e_f · (r_f − e_f(x))          r_f: the replacement, the mean or a donor's
    I_f = mean_x [ ℓ(z + Δz_f, y) − ℓ(z, y) ]

As cheap as F-Permutation. The unit is log-loss per example; below zero, the field hurts on these
examples. On real traffic it orders fields as true replacement does (Spearman 0.995 to 1.000), since
the loss's curvature, which F-Permutation leaves out, is computed exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from shark_core.importance.gradients import Linearised, Point
from shark_core.importance.logits import Logits
from shark_core.importance.losses import loss_changes
from shark_core.importance.method import ExampleScores
from shark_core.importance.replacements import Replacement
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class LogitTaylor:
    replacement: Replacement
    logits: Logits

    @property
    def way(self) -> str:
        return f"logit_taylor by {self.replacement.way}, {self.logits.way}"

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> ExampleScores:
        point = Point.of(model, batch, model.kept, self.logits)
        tasks, changes = point.observed, _one_by_one(point)
        changed = (
            {
                name: [
                    task.logits + at.change(name, new)
                    for task, at in zip(tasks, changes, strict=True)
                ]
                for name, new in replaced.items()
            }
            for replaced in self.replacement.of(point.pooled, number)
        )
        return ExampleScores(loss_changes(tasks, changed), tasks)


def _one_by_one(point: Point) -> list[Linearised]:
    """Each task's logit, in a backward pass of its own."""
    return [
        point.linearise(
            [torch.ones_like(task.logits) if task is wanted else None for task in point.tasks]
        )
        for wanted in point.tasks
    ]
