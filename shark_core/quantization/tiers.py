"""The tiers of rows, from most to fewest bits."""

from __future__ import annotations

import numpy as np

TIERS = ("fp32", "fp16", "int8", "int4", "int2", "pruned")  # a tier's code is its place here
FP32, FP16, INT8, INT4, INT2, PRUNED = range(len(TIERS))


def rows_by_tier(codes: np.ndarray) -> dict[str, int]:
    """How many of the rows with codes uint8 (N,) are in each tier, 0 included.

    Takes no memory by row: `np.bincount` would make eight bytes of each.
    """
    return {tier: int(np.count_nonzero(codes == code)) for code, tier in enumerate(TIERS)}
