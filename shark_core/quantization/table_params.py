"""What the rows of a tier of one table share: fitted before finetuning, learned in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from shark_core.quantization.schemes import SCHEMES, refuse_unstorable
from shark_core.quantization.tiers import TIERS


def initial_table_params(
    field: str, table: Tensor, tier_codes: Tensor, weights: Tensor, schemes: Mapping[str, str]
) -> dict[str, Tensor]:
    """Tier → table params (P,), for the tiers that have rows and whose scheme has table params.

    `table` (N, D) float32 of a field; `tier_codes` (N,) uint8; `weights` (N,) float32, how much a
    row matters; `schemes` tier → name of its scheme. Raises `DataError` with field and row where a
    value cannot be stored.
    """
    codes = tier_codes.bincount().nonzero().flatten().tolist()
    members = {TIERS[code]: (tier_codes == code).nonzero().flatten() for code in codes}
    return _fitted(field, table, members, weights, schemes)


def params_of_any_tier(
    field: str, table: Tensor, weights: Tensor, tiers: Sequence[str], schemes: Mapping[str, str]
) -> dict[str, Tensor]:
    """As `initial_table_params` if every row were in each of `tiers`: where none is assigned."""
    every = torch.arange(len(table), device=table.device)
    return _fitted(field, table, dict.fromkeys(tiers, every), weights, schemes)


def _fitted(
    field: str,
    table: Tensor,
    members: Mapping[str, Tensor],
    weights: Tensor,
    schemes: Mapping[str, str],
) -> dict[str, Tensor]:
    found = {}
    for tier, rows in members.items():
        scheme = SCHEMES[schemes[tier]]
        if scheme.param_count(table.shape[1]):
            values = table[rows]
            refuse_unstorable(values, scheme, field, rows)
            found[tier] = scheme.fit(values, weights[rows])
    return found
