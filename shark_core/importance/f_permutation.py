"""F-Permutation: the first-order loss of replacing a field's embedding by its mean.

After SHARK (arXiv 2308.09395), taken at the pooled embeddings: one forward and one backward pass
over the examples give every field's score.

    I_f = mean_x | Σ_d ∂ℓ(x)/∂e_{f,d} · (ē_{f,d} − e_{f,d}(x)) |

`ℓ` is log-loss of one example, `e_f(x)` `(D_f,)` the pooled embedding, `ē_f` its mean over the same
examples. `∂ℓ/∂e = (σ(z) − y)·∂z/∂e`; with several tasks ℓ is their weighted loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.importance.gradients import Point
from shark_core.importance.logits import Logits
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True, eq=False)
class FPermutation:
    means: dict[str, Tensor]  # (D_f,) by field
    logits: Logits

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> dict[str, Tensor]:
        point = Point.of(model, batch, list(self.means), self.logits)
        loss = point.linearise(
            [
                task.weight * (torch.sigmoid(task.logits.detach()) - task.label)
                for task in point.tasks
            ]
        )
        return {name: loss.change(name, mean).abs() for name, mean in self.means.items()}
