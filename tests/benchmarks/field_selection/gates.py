"""A gate per field, learned with the model under an L1 penalty; fields ranked by |gate|.

    e_f(x) ──× gate_f──→ head          loss + λ · Σ_f |gate_f|

Gates start at 1. The penalty is a proximal step after each update: every gate moves towards 0 by a
fixed amount and stays there once it arrives. λ is stated as what an epoch takes from a gate that no
gradient holds up. A small gate before a large embedding does what a large one does before a small,
so gates are compared at embeddings of one size: |gate_f| times the standard deviation of e_f. Bare
gates put a field of four values of noise first: it has no gradient, for or against.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.device import choose_device
from shark_core.models.seeds import derived_seed
from shark_core.models.step_hooks import StepHooks
from shark_core.models.training import FitSettings, fit
from shark_core.traffic.examples import READ_ROWS
from tests.benchmarks.field_selection.rankings import (
    RANKING_EPOCHS,
    Rankings,
    by_score,
    scoring_batches,
)
from tests.benchmarks.trained_model import Dataset

SHRINKAGE = 0.5  # of a gate, in an epoch without gradients


class GatedHead(nn.Module):
    """The head of a model behind gates `(F,)`, one for each field."""

    def __init__(self, head: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.head = head
        self.names = names
        self.gates = nn.Parameter(torch.ones(len(names)))

    def gated(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        gates = zip(self.names, self.gates, strict=True)
        return {name: gate * pooled[name] for name, gate in gates}

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return self.head(self.gated(pooled), dense)

    @torch.no_grad()
    def shrink(self, amount: float) -> None:
        self.gates.copy_(self.gates.sign() * (self.gates.abs() - amount).clamp(min=0.0))


class Shrinking(StepHooks):
    """After a step: the batch's share of what an epoch of so many examples takes."""

    def __init__(self, head: GatedHead, examples: int) -> None:
        self._head = head
        self._examples = examples

    def after_step(self, model: CtrModel, batch: Batch) -> None:
        self._head.shrink(SHRINKAGE * len(batch) / self._examples)


def gate_rankings(dataset: Dataset, seed: int) -> Rankings:
    training = dataset.config.training.model_copy(update={"seed": seed})
    config = dataset.config.model_copy(update={"training": training})
    model = build_model(config)
    head = model.head = GatedHead(model.head, dataset.fields)
    model.to(choose_device(training))
    examples = dataset.reader(dataset.training_days)
    barely = dataset.reader(dataset.held_out_days, max_examples=1)  # nothing is chosen by it
    shrinking = Shrinking(head, sum(len(batch) for batch in examples.batches(READ_ROWS)))
    settings = replace(FitSettings.of_training(config), epochs=1)
    batch = scoring_batches(dataset, most=1)[0]
    rankings: Rankings = {}
    row_sums: dict[str, Tensor] = {}
    for epoch in range(1, max(RANKING_EPOCHS) + 1):
        settings = replace(settings, seed=derived_seed(seed, epoch))
        row_sums = fit(model, examples, barely, settings, row_sums, shrinking).row_sums
        rankings[epoch, "l1_gate"] = by_score(_sizes(model, head, batch))
    return rankings


@torch.no_grad()
def _sizes(model: CtrModel, head: GatedHead, batch: Batch) -> dict[str, float]:
    """`|gate_f| · √(mean_d Var_x e_{f,d})` by field."""
    gated = head.gated(model.embeddings(batch))
    return {name: vector.var(dim=0).mean().sqrt().item() for name, vector in gated.items()}
