"""The loops that make a row map, compiled by numba (as `kernels.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from shark_core.quantization.kernels import compiled

Array = np.ndarray[Any, Any]


@compiled
def mark(codes: Array, row_ids: Array, code: int) -> bool:
    """Give rows (n,) of codes uint8 (N,) this code; False, and not all done, where one is none."""
    for row in row_ids:
        if row < 0 or row >= len(codes):
            return False
        codes[row] = code
    return True


@compiled
def occurring(codes: Array, found: Array) -> None:
    """Set found bool (256,) where a code occurs."""
    for code in codes:
        found[code] = True


@compiled
def fill(codes: Array, present: Array, bits: int, packed: Array, ranks: Array) -> None:
    """Tier codes uint8 (N,) → packed uint8 (blocks, bytes), ranks int32 (blocks, ranked tiers).

    `present` uint8 (tiers,) are the codes that occur, in ascending order; those without ranks come
    last. A tier's rows are counted by comparing a block at a time, which runs over many bytes at
    once, unlike adding to a counter row by row.
    """
    block_rows, ranked = packed.shape[1] * 8 // bits, ranks.shape[1]
    member_of = np.zeros(256, dtype=np.uint8)
    for member in range(len(present)):
        member_of[present[member]] = member
    before = np.zeros(ranked, dtype=np.int32)
    for block in range(len(packed)):
        rows = codes[block * block_rows : (block + 1) * block_rows]
        for member in range(ranked):
            ranks[block, member] = before[member]
            before[member] += _count(rows, present[member])
        _pack(rows, member_of, bits, packed[block])


@compiled
def _count(rows: Array, code: int) -> int:
    found = np.uint8(0)  # a block has fewer than 256 rows
    wanted = np.uint8(code)
    for row in rows:
        found += np.uint8(row == wanted)
    return int(found)


@compiled
def _pack(rows: Array, member_of: Array, bits: int, packed: Array) -> None:
    """Low bits first; bytes that no row reaches are 0."""
    per_byte = 8 // bits
    whole = len(rows) // per_byte
    for byte in range(len(packed)):
        held = np.uint8(0)
        first = byte * per_byte
        for place in range(per_byte if byte < whole else max(len(rows) - first, 0)):
            held |= member_of[rows[first + place]] << np.uint8(place * bits)
        packed[byte] = held
