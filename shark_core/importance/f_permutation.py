"""F-Permutation: the first-order loss of replacing a field's embedding by its mean.

After SHARK (arXiv 2308.09395), taken at the pooled embeddings: one forward and one backward pass
over the examples give every field's score.

    I_f = mean_x | Σ_d ∂ℓ(x)/∂e_{f,d} · (ē_{f,d} − e_{f,d}(x)) |

`ℓ` is log-loss of one example, `e_f(x)` `(D_f,)` the pooled embedding, `ē_f` its mean over the same
examples. `∂ℓ/∂e = (σ(z) − y)·∂z/∂e`, summed over the tasks with their weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.importance.gradients import Linearised, linearise
from shark_core.importance.logits import Logits
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True, eq=False)
class FPermutation:
    means: dict[str, Tensor]  # (D_f,) by field
    logits: Logits

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> dict[str, Tensor]:
        tasks = linearise(model, batch, list(self.means), self.logits)
        residuals = [
            at.task.weight * (torch.sigmoid(at.task.logits) - at.task.label) for at in tasks
        ]  # (B,) each
        return {name: self._score(name, tasks, residuals) for name in self.means}

    def _score(self, name: str, tasks: list[Linearised], residuals: list[Tensor]) -> Tensor:
        changes = [
            residual * at.change(name, self.means[name])
            for at, residual in zip(tasks, residuals, strict=True)
        ]
        return torch.stack(changes).sum(dim=0).abs()  # (B,)
