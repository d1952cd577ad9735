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
    last. All is compared, counted and packed a block at a time, which runs over many bytes at once,
    unlike a row at a time.
    """
    block_rows, ranked = packed.shape[1] * 8 // bits, ranks.shape[1]
    members = np.zeros(block_rows, dtype=np.uint8)
    words, masks = members.view(np.uint64), _masks(bits)
    before = np.zeros(ranked, dtype=np.int32)
    for block in range(len(packed)):
        rows = codes[block * block_rows : (block + 1) * block_rows]
        for member in range(ranked):
            ranks[block, member] = before[member]
            before[member] += _count(rows, present[member])
        _members(rows, present, members)
        _pack(words, bits, masks, packed[block])


@compiled
def _count(rows: Array, code: int) -> int:
    found = np.uint8(0)  # a block has fewer than 256 rows
    wanted = np.uint8(code)
    for row in rows:
        found += np.uint8(row == wanted)
    return int(found)


@compiled
def _members(rows: Array, present: Array, members: Array) -> None:
    """Which of `present` each row is, which is how many of them are below it; 0 beyond the rows."""
    members[:] = 0
    for code in present[:-1]:
        for place in range(len(rows)):
            members[place] += np.uint8(rows[place] > code)


@compiled
def _masks(bits: int) -> Array:
    """What is left of a word after each step of `_pack`: uint64 (3,)."""
    masks = np.zeros(3, dtype=np.uint64)
    for step in range(3):
        width = bits << (step + 1)
        lane = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
        for start in range(0, 64, 16 << step):
            masks[step] |= lane << np.uint64(start)
    return masks


@compiled
def _pack(words: Array, bits: int, masks: Array, packed: Array) -> None:
    """Eight members in the bytes of a word → as many bytes as a member has bits, low bits first.

    Neighbours are put together three times: one and one, two and two, four and four.
    """
    for place in range(len(words)):
        word = words[place]
        for step in range(3):
            gap = np.uint64((8 - bits) << step)
            word = (word | word >> gap) & masks[step]
        for byte in range(bits):
            packed[place * bits + byte] = np.uint8(word >> np.uint64(8 * byte) & np.uint64(255))
