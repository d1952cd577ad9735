"""The loops that make a row map, compiled by numba (as `kernels.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from shark_core.quantization.kernels import compiled

Array = np.ndarray[Any, Any]


@compiled
def count_codes(codes: Array, counts: Array) -> None:
    """Add to counts int64 (tiers,) how often each code of uint8 (N,) occurs."""
    for code in codes:
        counts[code] += 1


@compiled
def fill(codes: Array, member_of: Array, bits: int, packed: Array, ranks: Array) -> None:
    """Tier codes uint8 (N,) → packed uint8 (blocks, bytes), ranks int32 (blocks, ranked tiers).

    `member_of` int64 (tiers,) is the place of each code among the tiers that have rows; those
    without ranks come last.
    """
    per_byte, ranked = 8 // bits, ranks.shape[1]
    before = np.zeros(len(member_of), dtype=np.int64)
    row = 0
    for block in range(len(packed)):
        for member in range(ranked):
            ranks[block, member] = before[member]
        for byte in range(packed.shape[1]):
            held = 0
            for place in range(min(per_byte, len(codes) - row)):
                member = member_of[codes[row + place]]
                before[member] += 1
                held |= member << (place * bits)
            packed[block, byte] = held
            row = min(row + per_byte, len(codes))
