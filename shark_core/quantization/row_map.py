"""Where each row of a mixed-precision table is: its tier, and its place among that tier's rows.

    packed  uint8 (blocks, 16·bits)   each row's tier, in 0, 1, 2 or 4 bits; 128 rows a block
    ranks   int32 (blocks, tiers)     how many rows of each tier lie before the block

    place of a row = rank of its tier in its block + rows of that tier before it in the block

A map from row to place takes 4 bytes a row when written out, as much as an int2 row of dimension 16
itself; this one takes 0.2 to 0.8. A table whose rows share one tier needs none: places are row ids.
Pruned rows have a tier but no place, and no ranks.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from shark_core.quantization.row_map_kernel import fill, occurring
from shark_core.quantization.tiers import PRUNED, TIERS

BLOCK = 128
WORD_BITS = 64
NO_PLACE = -1
RANK_BYTES = 4
_NO_RANKS = torch.empty(0, 0, dtype=torch.int32)
ROWS_AT_ONCE = 1 << 13  # so few that their words stay in the cache
FIRST_BITS = {  # of each code in a word
    1: np.uint64(0xFFFFFFFFFFFFFFFF),
    2: np.uint64(0x5555555555555555),
    4: np.uint64(0x1111111111111111),
}


def row_map_bytes(num_embeddings: int, tiers_present: Collection[str]) -> int:
    """Bytes of the row map of a table with rows in these tiers."""
    if len(tiers_present) <= 1:
        return 0
    ranked = sum(tier != TIERS[PRUNED] for tier in tiers_present)
    blocks = -(-num_embeddings // BLOCK)
    return blocks * (code_bits(len(tiers_present)) * BLOCK // 8 + ranked * RANK_BYTES)


def code_bits(tiers: int) -> int:
    """Bits that tell so many tiers apart; powers of two, so that no code crosses a word."""
    return next(bits for bits in (0, 1, 2, 4) if tiers <= 1 << bits)


@dataclass(frozen=True)
class RowMap:
    """See the picture above. `tiers` are those that have rows, in the order of `TIERS`."""

    num_embeddings: int
    tiers: tuple[str, ...]
    packed: Tensor
    ranks: Tensor

    @classmethod
    def of(cls, tier_codes: Tensor) -> Self:
        """From the tier of each row: uint8 (N,), places in `TIERS`."""
        codes = tier_codes.contiguous().numpy()
        found = np.zeros(256, dtype=bool)
        occurring(codes, found)
        present = np.flatnonzero(found).astype(np.uint8)
        tiers = tuple(TIERS[code] for code in present)
        bits, blocks = code_bits(len(present)), -(-len(codes) // BLOCK)
        if bits == 0:
            return cls(len(codes), tiers, torch.empty(0, 0, dtype=torch.uint8), _NO_RANKS)
        packed = np.empty((blocks, BLOCK * bits // 8), dtype=np.uint8)
        ranks = np.empty((blocks, np.count_nonzero(present != PRUNED)), dtype=np.int32)
        fill(codes, present, bits, packed, ranks)
        return cls(len(codes), tiers, torch.from_numpy(packed), torch.from_numpy(ranks))

    @property
    def nbytes(self) -> int:
        return self.packed.nbytes + self.ranks.nbytes

    def tier_codes(self, rows: Tensor | None = None) -> Tensor:
        """Places in `TIERS` of rows (K,) int64, or of all rows in order: uint8 (K,).

        Raises `IndexError` for a row that the table has not.
        """
        present = torch.tensor([TIERS.index(tier) for tier in self.tiers], dtype=torch.uint8)
        wanted = self.num_embeddings if rows is None else len(self._within(rows))
        if self._bits == 0:
            return present.repeat(wanted)
        if rows is None:
            return present[_unpacked(self.packed, self._bits)[:wanted].int()]
        return present[torch.from_numpy(self._members(rows.numpy())).int()]

    def places(self, rows: Tensor) -> Tensor:
        """Of each row (K,) int64 the place among its tier's rows: int64 (K,); -1 where pruned.

        Raises `IndexError` for a row that the table has not.
        """
        self._within(rows)
        if self.tiers == (TIERS[PRUNED],):
            return torch.full_like(rows, NO_PLACE)
        if self._bits == 0:
            return rows
        runs = range(0, len(rows), ROWS_AT_ONCE)
        found = [self._places(rows.numpy()[start : start + ROWS_AT_ONCE]) for start in runs]
        return torch.from_numpy(np.concatenate([np.empty(0, dtype=np.int64), *found]))

    def _within(self, rows: Tensor) -> Tensor:
        if len(rows):
            lowest, highest = int(rows.min()), int(rows.max())
            if lowest < 0 or highest >= self.num_embeddings:
                found = f"row ids from {lowest} to {highest}"
                raise IndexError(f"{found} in a table of {self.num_embeddings} rows")
        return rows

    @property
    def _bits(self) -> int:
        return code_bits(len(self.tiers))

    def _members(self, rows: np.ndarray) -> np.ndarray:
        """Which of `tiers` rows (K,) are in: uint8 (K,)."""
        bits = self._bits
        per_byte = 8 // bits
        held = self.packed.numpy().reshape(-1)[rows // per_byte]
        return held >> (rows % per_byte * bits).astype(np.uint8) & np.uint8((1 << bits) - 1)

    def _places(self, rows: np.ndarray) -> np.ndarray:
        members, blocks = self._members(rows), rows // BLOCK
        words = self.packed.numpy().view(np.uint64)[blocks]  # (K, 2·bits)
        same = _same_codes(words, members, self._bits)
        before = same & _bits_below(rows % BLOCK * self._bits, words.shape[1])
        ranked = self.ranks.shape[1]  # pruned rows are of the last tier, which has no ranks
        ranks = self.ranks.numpy()[blocks, members.clip(max=ranked - 1)]
        places = ranks + np.bitwise_count(before).sum(axis=1, dtype=np.int64)
        return np.where(members < ranked, places, NO_PLACE)


def _unpacked(packed: Tensor, bits: int) -> Tensor:
    """Flat: uint8, as many as the blocks hold."""
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8)
    return (packed.flatten()[:, None] >> shifts & ((1 << bits) - 1)).flatten()


def _same_codes(words: np.ndarray, members: np.ndarray, bits: int) -> np.ndarray:
    """For each code in words uint64 (K, W) that equals `members` (K,), its first bit."""
    first = FIRST_BITS[bits]
    differing = words ^ (members.astype(np.uint64) * first)[:, None]
    for shift in range(bits // 2, 0, -1):  # into its first bit, whether any bit of a code differs
        differing |= differing >> np.uint64(shift)
    return ~differing & first


def _bits_below(places: np.ndarray, words: int) -> np.ndarray:
    """Masks uint64 (K, W) of the first bits of W words, as many as `places` (K,) says."""
    counts = (places[:, None] - WORD_BITS * np.arange(words)).clip(0, WORD_BITS)
    partly = (np.uint64(1) << (counts % WORD_BITS).astype(np.uint64)) - np.uint64(1)
    return np.where(counts < WORD_BITS, partly, ~np.uint64(0))
