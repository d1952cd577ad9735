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

from shark_core.importance.gradients import Point
from shark_core.importance.logits import Logits
from shark_core.importance.method import ExampleScores
from shark_core.importance.replacements import MeanReplacement
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True, eq=False)
class FPermutation:
    replacement: MeanReplacement
    logits: Logits

    @property
    def way(self) -> str:
        return f"f_permutation by {self.replacement.way}, {self.logits.way}"

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> ExampleScores:
        means = self.replacement.means
        point = Point.of(model, batch, list(means), self.logits)
        tasks = point.observed
        loss = point.linearise(
            [task.weight * (torch.sigmoid(task.logits) - task.label) for task in tasks]
        )
        changes = {name: loss.change(name, mean).abs() for name, mean in means.items()}
        return ExampleScores(changes, tasks)
