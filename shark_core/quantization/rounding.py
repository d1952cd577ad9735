"""How rows stay on their tier's grid while a model is finetuned.

    nearest           after each step, the rows of the batch go to the nearest stored values
    stochastic        as nearest, but a value goes up or down by chance, so that it is right on
                      average: small updates are not lost, they happen now and then
    straight_through  full-precision copies are trained, the head sees what is stored of them

The first two keep nothing but the stored rows. A row leaves its grid only when a step updates it,
so that rounding a batch's rows keeps all of the table on the grid.
"""

from __future__ import annotations

import torch
from torch import Tensor

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.seeds import derived_seed
from shark_core.models.step_hooks import StepHooks
from shark_core.quantization.tiered_tables import TieredTables


class NearestRounding(StepHooks):
    """See above. The model's tables are on their grids from the beginning."""

    def __init__(self, model: CtrModel, tables: TieredTables) -> None:
        self.tables = tables
        for name in tables.tier_codes:
            table = model.embeddings.weight(name)
            snap_rows(tables, name, table, torch.arange(len(table), device=table.device))

    def after_step(self, model: CtrModel, batch: Batch) -> None:
        for name in self.tables.tier_codes:
            table = model.embeddings.weight(name)
            self._round(name, table, torch.unique(batch.ids[name].values))

    def _round(self, field: str, table: Tensor, rows: Tensor) -> None:
        snap_rows(self.tables, field, table, rows)


class StochasticRounding(NearestRounding):
    """See above; the same seed rounds the same way."""

    def __init__(self, model: CtrModel, tables: TieredTables, seed: int) -> None:
        super().__init__(model, tables)
        self._generator = torch.Generator(model.device)
        self._generator.manual_seed(derived_seed(seed, "stochastic rounding"))

    def _round(self, field: str, table: Tensor, rows: Tensor) -> None:
        dithered = self._dithered(field, rows, table.detach()[rows])
        _write(table, rows, self.tables.snapped(field, rows, dithered))

    def _dithered(self, field: str, rows: Tensor, values: Tensor) -> Tensor:
        """Values (K, D) moved by up to half a step, evenly: the nearest stored value is then the
        upper or the lower neighbour of the true one with the chance that makes it right on average.

        Where a row has a grid of its own, its least and greatest value stay: they are its ends.
        """
        moved = values.clone()
        for tier, members in self.tables.members(field, rows).items():
            params = self.tables.table_params(field, tier)
            step = self.tables.scheme(tier).step(values[members], params)
            if step is not None:
                moved[members] = self._moved(values[members], step, own_grid=len(params) == 0)
        return moved

    def _moved(self, values: Tensor, step: Tensor, *, own_grid: bool) -> Tensor:
        chance = torch.rand(values.shape, generator=self._generator, device=values.device)
        moved = values + (chance - 0.5) * step
        if not own_grid:
            return moved
        low, high = torch.aminmax(values, dim=1, keepdim=True)
        inner = (values > low) & (values < high)
        return torch.where(inner, moved.clamp(low, high), values)


@torch.no_grad()
def snap_rows(tables: TieredTables, field: str, table: Tensor, rows: Tensor) -> None:
    """Replace `table[rows]`, rows (K,), in place by what their tiers store of them.

    Raises `DataError` as `TieredTables.snapped` does.
    """
    _write(table, rows, tables.snapped(field, rows, table.detach()[rows]))


@torch.no_grad()
def _write(table: Tensor, rows: Tensor, values: Tensor) -> None:
    table.index_copy_(0, rows, values)
