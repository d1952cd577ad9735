"""The tables of a model, each row on the grid of its tier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.models.ctr_model import CtrModel
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES, Scheme, refuse_unstorable
from shark_core.quantization.table_params import initial_table_params
from shark_core.quantization.tiers import TIERS


@dataclass(frozen=True)
class TieredTables:
    """How the rows of each table are stored.

    tier_codes   field → (N,) uint8, places in `TIERS`
    schemes      tier → name of its scheme
    params       field → tier → table params (P,); learned ones change in place of the old
    """

    tier_codes: Mapping[str, Tensor]
    schemes: Mapping[str, str]
    params: dict[str, dict[str, Tensor]]

    @classmethod
    def fitted(
        cls,
        model: CtrModel,
        tier_codes: Mapping[str, np.ndarray],
        schemes: Mapping[str, str],
        weights: Mapping[str, np.ndarray],
    ) -> Self:
        """With table params that fit the model's rows best.

        `tier_codes` (N,) and `weights` (N,), how much each row matters, by field.
        """
        tables = {name: model.embeddings.weight(name).detach() for name in tier_codes}
        codes = {
            name: torch.from_numpy(tier_codes[name]).to(table.device)
            for name, table in tables.items()
        }
        params = {
            name: initial_table_params(
                name, table, codes[name], _like(table, weights[name]), schemes
            )
            for name, table in tables.items()
        }
        return cls(codes, schemes, params)

    def scheme(self, tier: str) -> Scheme:
        return SCHEMES[self.schemes[tier]]

    def table_params(self, field: str, tier: str) -> Tensor:
        return self.params.get(field, {}).get(tier, NO_PARAMS)

    def check_params(self, field: str, dim: int) -> None:
        """Raises `DataError` where a tier has not the table params that its scheme needs."""
        present = self.tier_codes[field].bincount().nonzero().flatten().tolist()
        for tier in (TIERS[code] for code in present):
            expected, found = self.scheme(tier).param_count(dim), self.table_params(field, tier)
            if len(found) != expected:
                raise DataError(
                    f"a tier's table params are not those of its scheme {self.schemes[tier]!r}",
                    expected=f"{expected} numbers",
                    found=found.tolist(),
                    where=f"field {field!r}, tier {tier}",
                    remedy="run `python -m jobs assign-tiers` for this day again",
                )

    def members(self, field: str, rows: Tensor) -> dict[str, Tensor]:
        """Tier → places (k,) in `rows` (K,) of those that are in it; tiers without rows are left
        out.
        """
        codes = self.tier_codes[field][rows]
        present = codes.bincount().nonzero().flatten().tolist()
        return {TIERS[code]: (codes == code).nonzero().flatten() for code in present}

    def snapped(self, field: str, rows: Tensor, values: Tensor) -> Tensor:
        """What the tiers of `rows` (K,) store of `values` (K, D).

        Raises `DataError` with field and row where a value is NaN, infinite or out of range.
        """
        stored = values.clone()
        for tier, members in self.members(field, rows).items():
            scheme, of_tier = self.scheme(tier), values[members]
            refuse_unstorable(of_tier, scheme, field, rows[members])
            stored[members] = scheme.snap(of_tier, self.table_params(field, tier))
        return stored


def _like(table: Tensor, numbers: np.ndarray) -> Tensor:
    return torch.as_tensor(numbers, dtype=torch.float32, device=table.device)
