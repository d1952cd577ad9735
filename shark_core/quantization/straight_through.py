"""Quantization-aware finetuning: the head sees stored rows, full-precision copies are trained.

    latent rows ── snap ──→ table ── forward, backward ──→ ∂loss/∂table
        ↑                                                       │
        └──────── the update, as if snapping were identity ─────┘   (straight through)

Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons" (arXiv 1308.3432).
Small updates add up in the latent rows until a stored value moves. Table params are learned beside
(table_param_steps.py), so a tier's grid moves under rows that a batch does not read: these are
snapped again before they are read, and all of them after each epoch.

Memory: the latent rows are one more copy of the tables.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.step_hooks import StepHooks
from shark_core.quantization.table_param_steps import TableParamSteps
from shark_core.quantization.tiered_tables import TieredTables


class StraightThrough(StepHooks):
    def __init__(self, model: CtrModel, tables: TieredTables, param_rate: float) -> None:
        self.tables = tables
        self._param_steps = TableParamSteps(tables, param_rate)
        self._latent = {
            name: model.embeddings.weight(name).detach().clone() for name in tables.tier_codes
        }
        self.after_epoch(model)

    @torch.no_grad()
    def before_step(self, model: CtrModel, batch: Batch) -> None:
        for name in self.tables.tier_codes:
            self._store(model, name, torch.unique(batch.ids[name].values))

    @torch.no_grad()
    def after_step(self, model: CtrModel, batch: Batch) -> None:
        for name, latent in self._latent.items():
            table = model.embeddings.weight(name)
            if table.grad is None:  # the head does not read this field
                continue
            gradient = table.grad.coalesce()  # as the optimizer left it
            rows = gradient.indices()[0]  # (K,)
            update = table[rows] - self.tables.snapped(name, rows, latent[rows])  # (K, D)
            self._param_steps.step(name, rows, latent[rows], gradient.values())
            latent[rows] += update

    @torch.no_grad()
    def after_epoch(self, model: CtrModel) -> None:
        for name, latent in self._latent.items():
            self._store(model, name, torch.arange(len(latent), device=latent.device))

    def state(self) -> dict[str, Tensor]:
        return self._param_steps.state()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self._param_steps.load_state(state)

    def _store(self, model: CtrModel, name: str, rows: Tensor) -> None:
        stored = self.tables.snapped(name, rows, self._latent[name][rows])
        model.embeddings.weight(name).index_copy_(0, rows, stored)
