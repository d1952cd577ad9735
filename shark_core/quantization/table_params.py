"""What the rows of a tier of one table share: fitted before finetuning, learned in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from shark_core.quantization.schemes import SCHEMES
from shark_core.quantization.tiers import TIERS


def initial_table_params(
    table: Tensor, tier_codes: Tensor, weights: Tensor, schemes: Mapping[str, str]
) -> dict[str, Tensor]:
    """Tier → table params (P,), for the tiers that have rows and whose scheme has table params.

    `table` (N, D) float32; `tier_codes` (N,) uint8; `weights` (N,) float32, how much a row matters;
    `schemes` tier → name of its scheme.
    """
    found = {}
    for code in torch.unique(tier_codes).tolist():
        scheme = SCHEMES[schemes[TIERS[code]]]
        if scheme.param_count(table.shape[1]):
            rows = (tier_codes == code).nonzero().flatten()
            found[TIERS[code]] = scheme.fit(table[rows], weights[rows])
    return found


def params_of_any_tier(
    table: Tensor, weights: Tensor, tiers: Sequence[str], schemes: Mapping[str, str]
) -> dict[str, Tensor]:
    """As `initial_table_params` if every row were in each of `tiers`: where none is assigned."""
    chosen = {tier: SCHEMES[schemes[tier]] for tier in tiers}
    return {
        tier: scheme.fit(table, weights)
        for tier, scheme in chosen.items()
        if scheme.param_count(table.shape[1])
    }
