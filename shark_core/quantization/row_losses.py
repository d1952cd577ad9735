"""What storing a row in a tier costs, in predicted log-loss.

    loss_b(r) = S_r · Δe_bᵀ H_f Δe_b

Δe_b: what the tier's scheme changes of the row; H_f: the field's curvature (field_curvature.py), so
that the product is the log-loss of one reading; S_r: the row's priority, its decayed label-aware
accesses, which stands for how often it will be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from shark_core.quantization.schemes import NO_PARAMS, SCHEMES

ROWS_AT_ONCE = 1 << 16


def row_losses(
    table: Tensor,
    priority: np.ndarray,
    curvature: Tensor,
    schemes: Mapping[str, str],
    params: Mapping[str, Tensor],
    tiers: Sequence[str],
) -> dict[str, np.ndarray]:
    """Tier → float32 (N,), of one field's table (N, D).

    `priority` (N,); `curvature` (D, D); `schemes` tier → name; `params` tier → table params (P,).
    """
    importance = torch.as_tensor(priority, dtype=torch.float32)
    return {
        tier: (importance * _of_one_reading(table, curvature, schemes[tier], params.get(tier)))
        .numpy()
        .astype(np.float32)
        for tier in tiers
    }


def _of_one_reading(table: Tensor, curvature: Tensor, scheme: str, params: Tensor | None) -> Tensor:
    """`(N,)` on CPU"""
    curvature = curvature.to(table.device)
    given = NO_PARAMS.to(table.device) if params is None else params
    parts = []
    for start in range(0, len(table), ROWS_AT_ONCE):
        rows = table[start : start + ROWS_AT_ONCE]
        change = SCHEMES[scheme].snap(rows, given) - rows  # (n, D)
        parts.append(((change @ curvature) * change).sum(dim=1).clamp_min(0.0).cpu())
    return torch.cat(parts)
