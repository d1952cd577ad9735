"""The tier of a row: how many bits it keeps, by its priority.

`priority < int8_below → int8`, `< fp16_below → fp16`, else fp32: hot rows keep bits, after the
F-Quantization of SHARK (arXiv 2308.09395, section 3.2). A row that was never seen has priority 0.
"""

from __future__ import annotations

import numpy as np

from shark_core.config_sections import Tiers
from shark_core.errors import DataError

TIERS = ("fp32", "fp16", "int8")  # a tier's code is its place here; new tiers come at the end
FP32, FP16, INT8 = range(3)


def assign_tiers(priority: np.ndarray, tiers: Tiers) -> np.ndarray:
    """Priorities float64 (N,) → tier codes uint8 (N,). Raises `DataError` on NaN or negatives.

    >>> limits = Tiers(int8_below=1, fp16_below=5)
    >>> [TIERS[code] for code in assign_tiers(np.array([0, 2, 9.0]), limits)]
    ['int8', 'fp16', 'fp32']
    """
    if not (priority >= 0).all():
        row = int(np.flatnonzero(~(priority >= 0))[0])
        raise DataError(
            "a row has no usable priority",
            expected="a number that is not negative",
            found=priority[row],
            where=f"row {row}",
            remedy="run `python -m jobs update-priorities` for this day again",
        )
    codes = np.full(len(priority), FP32, dtype=np.uint8)
    codes[priority < tiers.fp16_below] = FP16
    codes[priority < tiers.int8_below] = INT8
    return codes
