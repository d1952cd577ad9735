"""Logit-Taylor: the loss of replacing a field's embedding, with the logit linearised, not the loss.

    Δz_f(x) = ∂z/∂e_f · (r_f − e_f(x))          r_f: the replacement, the mean or a donor's
    I_f = mean_x [ ℓ(z + Δz_f, y) − ℓ(z, y) ]

As cheap as F-Permutation. The unit is log-loss per example; below zero, the field hurts on these
examples. On real traffic it orders fields as true replacement does (Spearman 0.995 to 1.000), since
the loss's curvature, which F-Permutation leaves out, is computed exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from shark_core.importance.gradients import linearise
from shark_core.importance.logits import Logits
from shark_core.importance.losses import loss_changes
from shark_core.importance.replacements import Replacement
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class LogitTaylor:
    replacement: Replacement
    logits: Logits

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> dict[str, Tensor]:
        tasks = linearise(model, batch, model.kept, self.logits)
        changed = (
            {
                name: [at.task.logits + at.change(name, new) for at in tasks]
                for name, new in replaced.items()
            }
            for replaced in self.replacement.of(tasks[0].pooled, number)
        )
        return loss_changes([at.task for at in tasks], changed)
