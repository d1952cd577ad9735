"""F-Permutation: the first-order loss of replacing a field's embedding by its mean.

After SHARK (arXiv 2308.09395), taken at the pooled embeddings: one forward and one backward pass
over the examples give every field's score.

    I_f = mean_x | Σ_d ∂ℓ(x)/∂e_{f,d} · (ē_{f,d} − e_{f,d}(x)) |

`ℓ` is log-loss of one example, `e_f(x)` `(D_f,)` the pooled embedding, `ē_f` its mean over the same
examples. `∂ℓ/∂e = (σ(z) − y)·∂z/∂e`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.importance.gradients import linearise
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True, eq=False)
class FPermutation:
    means: dict[str, Tensor]  # (D_f,) by field

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> dict[str, Tensor]:
        at = linearise(model, batch, list(self.means))
        residual = torch.sigmoid(at.logits) - batch.label  # (B,)
        return {name: (residual * at.change(name, mean)).abs() for name, mean in self.means.items()}
