"""True permutation importance: run the head again for every field and repeat. The yardstick.

    I_f = mean_x [ ℓ(z with e_f(x) replaced, y) − ℓ(z, y) ]

With donors it is permutation importance (Breiman 2001) within batches; with the mean, what pruning
the field does to a model that is not trained any further. It costs one forward pass of the head for
each field and repeat; tables are looked up once a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.importance.logits import Logits
from shark_core.importance.losses import loss_changes
from shark_core.importance.method import ExampleScores
from shark_core.importance.replacements import Replacement
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class Permutation:
    replacement: Replacement
    logits: Logits

    @property
    def way(self) -> str:
        return f"permutation by {self.replacement.way}, {self.logits.way}"

    @torch.no_grad()
    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> ExampleScores:
        pooled = model.embeddings(batch)
        kept = {name: pooled[name] for name in model.kept}

        def without(name: str, replaced: Tensor) -> list[Tensor]:
            inputs = {**pooled, name: replaced.expand_as(pooled[name])}
            return [task.logits for task in self.logits.of(model, inputs, batch)]  # (B,) each

        changed = (
            {name: without(name, new) for name, new in replaced.items()}
            for replaced in self.replacement.of(kept, number)
        )
        tasks = self.logits.of(model, pooled, batch)
        return ExampleScores(loss_changes(tasks, changed), tasks)
