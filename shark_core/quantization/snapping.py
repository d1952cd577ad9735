"""Keeping a model's rows on the values that their tiers can store, while it trains."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from shark_core.quantization.schemes import SCHEMES, refuse_unstorable
from shark_core.quantization.tiers import FP32, TIERS


@torch.no_grad()
def snap_rows(weight: Tensor, rows: Tensor, tier_codes: np.ndarray, *, field: str = "") -> None:
    """Replace `weight[rows]` in place by what their tiers decode to; other rows stay as they are.

        weight      (N, D) float32, the table
        rows        (K,) int64, the rows that the last step touched; repeats are allowed
        tier_codes  (N,) uint8, the tier of every row of the table

    A snapped table is a fixed point: quantizing it loses nothing more. Raises `DataError` with
    field and row where a value is NaN, infinite or out of the tier's range.
    """
    touched = rows.cpu()
    codes = tier_codes[touched.numpy()]  # (K,)
    for code in np.unique(codes).tolist():
        members = touched[torch.from_numpy(codes == code)].to(weight.device)
        values = weight.index_select(0, members)  # (K_tier, D)
        scheme = SCHEMES[TIERS[code]]
        refuse_unstorable(values, scheme, field, members)
        if code != FP32:
            weight.index_copy_(0, members, scheme.snap(values))
