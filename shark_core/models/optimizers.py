"""The two optimizers of a model: row-wise Adagrad for tables, Adam for head and constants.

The tables' accumulators live on from day to day, in the checkpoint. On KuaiRand's eleven days, one
pass each, forgetting them costs 0.04 of AUC (0.710 → 0.669 at a rate of 0.05): every row's first
step after that is a full one again, whatever the row has learned. Adam starts anew each day;
keeping its state made no difference (0.710 and 0.712).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from shark_core.models.ctr_model import CtrModel
from shark_core.models.row_wise_adagrad import RowWiseAdagrad


class Optimizers:
    """Steps all of a model's parameters. Make it after pruning: it holds the tables of then."""

    def __init__(self, model: CtrModel, embedding_rate: float, dense_rate: float) -> None:
        self._tables = {name: model.embeddings.weight(name) for name in model.kept}
        self._rows = RowWiseAdagrad(self._tables.values(), embedding_rate)
        dense = [*model.head.parameters(), *model.embeddings.constants.parameters()]
        self._all: list[torch.optim.Optimizer] = [self._rows]
        if dense:  # a user's head may have no parameters
            self._all.append(torch.optim.Adam(dense, lr=dense_rate))

    def zero_grad(self) -> None:
        for optimizer in self._all:
            optimizer.zero_grad()

    def step(self) -> None:
        for optimizer in self._all:
            optimizer.step()

    @property
    def row_sums(self) -> dict[str, Tensor]:
        """Accumulators `(num_embeddings,)` by field, as they are: clone to keep."""
        return {name: self._rows.sums(table) for name, table in self._tables.items()}

    def load_row_sums(self, row_sums: Mapping[str, Tensor]) -> None:
        """Continue from earlier accumulators of a table's leading rows; others stay at zero."""
        for name, sums in self.row_sums.items():
            if name in row_sums:
                sums[: len(row_sums[name])] = row_sums[name]
