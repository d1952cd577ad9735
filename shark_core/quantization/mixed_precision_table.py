"""One embedding table whose rows are stored at different precisions.

    blocks["fp32"]  uint8 (n₀, 4·D)      rows of a tier in ascending order of row id,
    blocks["fp16"]  uint8 (n₁, 2·D)      one block a tier
    blocks["int8"]  uint8 (n₂, D + 4)
    row_map         int32 (N,)           tier code << 28 | place of the row in its tier's block

The row map answers a lookup with one read; files on disk do without it, because they name their
rows (`shark_core.publish.table_files`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.schemes import SCHEMES, refuse_unstorable
from shark_core.quantization.tiers import TIERS

SLOT_BITS = 28
SLOT_MASK = (1 << SLOT_BITS) - 1


@dataclass(frozen=True)
class TierBlock:
    """The rows of one tier: `row_ids` int64 (n,) ascending, `packed` uint8 (n, row_bytes)."""

    row_ids: Tensor
    packed: Tensor


@dataclass(frozen=True)
class MixedPrecisionTable:
    """See the picture above; `blocks` holds the tiers that have rows, in the order of `TIERS`."""

    embedding_dim: int
    blocks: dict[str, Tensor]
    row_map: Tensor

    @property
    def num_embeddings(self) -> int:
        return len(self.row_map)

    @property
    def nbytes(self) -> int:
        """Everything that the table holds in memory: packed rows, with qparams, and the row map."""
        held = (*self.blocks.values(), self.row_map)
        return sum(tensor.numel() * tensor.element_size() for tensor in held)

    @property
    def tier_codes(self) -> Tensor:
        return self.row_map >> SLOT_BITS  # (N,)

    @classmethod
    def from_float(cls, weight: Tensor, tier_codes: np.ndarray, field: str) -> MixedPrecisionTable:
        """Quantize `weight` (N, D) float32 by the tier codes uint8 (N,) of its rows.

        Raises `DataError` naming field and row where a value cannot be stored.
        """
        blocks = {}
        for code, tier in enumerate(TIERS):
            row_ids = torch.from_numpy(np.flatnonzero(tier_codes == code))
            if len(row_ids) == 0:
                continue
            rows, scheme = weight[row_ids], SCHEMES[tier]
            refuse_unstorable(rows, scheme, field, row_ids)
            blocks[tier] = TierBlock(row_ids, scheme.quantize(rows))
        return cls.from_blocks(weight.shape[1], len(weight), blocks, where=f"field {field!r}")

    @classmethod
    def from_blocks(
        cls,
        embedding_dim: int,
        num_embeddings: int,
        blocks: Mapping[str, TierBlock],
        where: str,
    ) -> MixedPrecisionTable:
        """Put tiers together. Raises `DataError` unless every row is in exactly one of them."""
        row_map = torch.full((num_embeddings,), -1, dtype=torch.int32)
        for tier, block in blocks.items():
            slots = torch.arange(len(block.row_ids), dtype=torch.int32)
            row_map[block.row_ids] = slots | (TIERS.index(tier) << SLOT_BITS)
        stored = sum(len(block.row_ids) for block in blocks.values())
        if stored != num_embeddings or bool((row_map < 0).any()):
            raise DataError(
                "a table's tiers do not hold each row once",
                expected=f"{num_embeddings} rows, each in one tier",
                found={tier: len(block.row_ids) for tier, block in blocks.items()},
                where=where,
                remedy="run `python -m jobs quantize` for this day again",
            )
        packed = {tier: blocks[tier].packed for tier in TIERS if tier in blocks}
        return cls(embedding_dim, packed, row_map)

    def tier_block(self, tier: str) -> TierBlock:
        """The rows of one tier together with their row ids."""
        row_ids = (self.tier_codes == TIERS.index(tier)).nonzero().flatten()
        return TierBlock(row_ids, self.blocks[tier])

    def dequantize(self, rows: Tensor | None = None) -> Tensor:
        """Rows (K,) int64, or all rows in order, as float32 (K, D)."""
        entries = self.row_map if rows is None else self.row_map[rows]  # (K,)
        codes, slots = entries >> SLOT_BITS, (entries & SLOT_MASK).long()
        out = torch.empty(len(entries), self.embedding_dim)  # (K, D)
        for tier, block in self.blocks.items():
            members = codes == TIERS.index(tier)
            packed = block[slots[members]]
            out[members] = SCHEMES[tier].dequantize(packed, self.embedding_dim)
        return out
