"""What changed from one table to the next, packed row by packed row. Pure functions.

    before ─┬─ rows of other bytes or another tier ─→ blocks[tier]   ─┬─ composed ─→ after
    after  ─┘  rows that were stored and are pruned ─→ tombstones    ─┘   on before

Table params are not part of it: a snapshot has all of its own. Codes that stay are decoded by the
new params, as in the table that is stored whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES
from shark_core.quantization.tier_block import TierBlock
from shark_core.quantization.tiers import PRUNED, TIERS


@dataclass(frozen=True)
class TableDelta:
    """`blocks`: by tier, the rows that are new in it or have other bytes than before.

    `tombstones`: ascending ids int64 of the rows that were stored before and are pruned now.
    """

    blocks: dict[str, TierBlock]
    tombstones: Tensor

    @property
    def packed_bytes(self) -> int:
        return sum(block.packed.nbytes for block in self.blocks.values())


def delta_between(before: MixedPrecisionTable, after: MixedPrecisionTable) -> TableDelta | None:
    """None where the shape or the scheme of a tier is another: then nothing can be built upon."""
    if not _comparable(before, after):
        return None
    codes_before, codes = before.tier_codes, after.tier_codes  # (N,)
    blocks = {
        tier: _changed(before, codes_before, after.tier_block(tier), tier) for tier in after.blocks
    }
    gone = (codes == PRUNED) & (codes_before != PRUNED)
    return TableDelta(
        {tier: block for tier, block in blocks.items() if len(block.row_ids)},
        gone.nonzero().flatten(),
    )


def _comparable(before: MixedPrecisionTable, after: MixedPrecisionTable) -> bool:
    shapes = [(table.num_embeddings, table.embedding_dim) for table in (before, after)]
    in_both = before.schemes.keys() & after.schemes.keys()
    return shapes[0] == shapes[1] and all(
        before.schemes[tier] == after.schemes[tier] for tier in in_both
    )


def _changed(
    before: MixedPrecisionTable, codes_before: Tensor, block: TierBlock, tier: str
) -> TierBlock:
    changed = codes_before[block.row_ids] != TIERS.index(tier)  # (n,)
    stayed = (~changed).nonzero().flatten()
    if len(stayed):
        places = before.row_map.places(block.row_ids[stayed])
        changed[stayed] = (block.packed[stayed] != before.blocks[tier][places]).any(dim=1)
    return TierBlock(block.row_ids[changed], block.packed[changed], block.scheme, block.params)


def composed(
    before: MixedPrecisionTable,
    delta: TableDelta,
    schemes: Mapping[str, str],
    params: Mapping[str, Tensor],
    where: str,
) -> MixedPrecisionTable:
    """The table after `delta`; `schemes` and `params` are those of its tiers.

    Raises `DataError` where the delta does not fit `before`.
    """
    codes, changed = before.tier_codes.clone(), torch.zeros(before.num_embeddings).bool()  # (N,)
    for tier, block in delta.blocks.items():
        codes[block.row_ids] = TIERS.index(tier)
        changed[block.row_ids] = True
    codes[delta.tombstones] = PRUNED
    composing = _Composing(before, delta, codes, changed, where)
    blocks = {
        tier: composing.block(tier, schemes[tier], params.get(tier, NO_PARAMS))
        for tier in TIERS[:PRUNED]
        if tier in schemes
    }
    fallback = params.get(TIERS[PRUNED])
    shape = before.embedding_dim, before.num_embeddings
    return MixedPrecisionTable.from_blocks(*shape, blocks, fallback, where)


@dataclass(frozen=True)
class _Composing:
    """`codes` and `changed` (N,): each row's tier after the delta, and whether the delta has it."""

    before: MixedPrecisionTable
    delta: TableDelta
    codes: Tensor
    changed: Tensor
    where: str

    def block(self, tier: str, scheme: str, params: Tensor) -> TierBlock:
        row_ids = (self.codes == TIERS.index(tier)).nonzero().flatten()
        new = self.changed[row_ids]
        packed = torch.empty(
            len(row_ids), SCHEMES[scheme].row_bytes(self.before.embedding_dim), dtype=torch.uint8
        )
        kept = row_ids[~new]
        if len(kept):
            self._require(self.before.schemes.get(tier) == scheme, tier, f"rows stored as {scheme}")
            packed[~new] = self.before.blocks[tier][self.before.row_map.places(kept)]
        added = self.delta.blocks.get(tier)
        count = 0 if added is None else len(added.row_ids)
        self._require(int(new.sum()) == count, tier, "each row in one place of the delta")
        if added is not None:
            packed[new] = added.packed
        return TierBlock(row_ids, packed, scheme, params)

    def _require(self, holds: bool, tier: str, expected: str) -> None:
        if not holds:
            raise DataError(
                "a table's changes do not fit what they build upon",
                expected=expected,
                found=f"something else in tier {tier}",
                where=self.where,
                remedy="publish the day again as a whole: release.max_deltas 0",
            )
