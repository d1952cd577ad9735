"""One embedding table whose rows are stored at different precisions.

    row_map         see `RowMap`            the tier of each row, and its place in the tier's block
    blocks["fp32"]  uint8 (n₀, 4·D)         rows of a tier in ascending order of row id,
    blocks["int8"]  uint8 (n₁, D + 4)       one block a tier
    blocks["int2"]  uint8 (n₂, ⌈D/4⌉)       stored as `int2_shared`:
    params["int2"]  float32 (2,)            its rows share a scale and a bias
    params["pruned"] float32 (D,)           pruned rows are in no block: they read the fallback row

Files on disk do without the row map, because they name their rows
(`shark_core.publish.table_files`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.row_map import RowMap
from shark_core.quantization.row_map_kernel import mark
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES
from shark_core.quantization.tier_block import RowStorage, TierBlock
from shark_core.quantization.tiers import PRUNED, TIERS

FALLBACK = TIERS[PRUNED]
ROWS_AT_ONCE = 1 << 16  # decoded together where two tables are compared


@dataclass(frozen=True)
class MixedPrecisionTable:
    """See the picture above.

    `blocks`, `schemes` and `params` hold the tiers that have rows, in the order of `TIERS`; pruned
    rows have a scheme and params but no block.
    """

    embedding_dim: int
    row_map: RowMap
    blocks: dict[str, Tensor]
    schemes: dict[str, str]
    params: dict[str, Tensor]

    @property
    def num_embeddings(self) -> int:
        return self.row_map.num_embeddings

    @property
    def nbytes(self) -> int:
        """Everything that the table holds in memory: packed rows, table params, the row map."""
        held = (*self.blocks.values(), *self.params.values())
        return sum(tensor.nbytes for tensor in held) + self.row_map.nbytes

    @property
    def tier_codes(self) -> Tensor:
        return self.row_map.tier_codes()  # (N,)

    @classmethod
    def from_float(
        cls,
        weight: Tensor,
        tier_codes: np.ndarray,
        schemes: Mapping[str, str],
        params: Mapping[str, Tensor],
        field: str,
    ) -> MixedPrecisionTable:
        """Quantize `weight` (N, D) float32 by the tier codes uint8 (N,) of its rows.

        `schemes` and `params` say for each tier how it is stored; those without rows are not used.
        Raises `DataError` naming field and row where a value cannot be stored.
        """
        storage = RowStorage(field, schemes, params)
        blocks = storage.quantize(weight, torch.from_numpy(tier_codes))
        pruned = blocks.pop(FALLBACK, None)
        fallback = None if pruned is None else pruned.params
        num_embeddings, dim = weight.shape
        return cls.from_blocks(dim, num_embeddings, blocks, fallback, where=f"field {field!r}")

    @classmethod
    def from_blocks(
        cls,
        embedding_dim: int,
        num_embeddings: int,
        blocks: Mapping[str, TierBlock],
        fallback: Tensor | None,
        where: str,
    ) -> MixedPrecisionTable:
        """Put tiers together. Rows in no block are pruned and read `fallback` (D,).

        Raises `DataError` where a row is in two blocks, in none and there is no fallback row, or
        not of the table.
        """
        codes = np.full(num_embeddings, PRUNED, dtype=np.uint8)
        inside = [
            mark(codes, block.row_ids.numpy(), TIERS.index(tier)) for tier, block in blocks.items()
        ]
        pruned = int(np.count_nonzero(codes == PRUNED))
        stored = sum(len(block.row_ids) for block in blocks.values())
        if not all(inside) or stored + pruned != num_embeddings or (pruned and fallback is None):
            raise DataError(
                "a table's tiers do not hold each row once",
                expected=f"{num_embeddings} rows, each in one tier",
                found={tier: len(block.row_ids) for tier, block in blocks.items()},
                where=where,
                remedy="run `python -m jobs quantize` for this day again",
            )
        held = {tier: blocks[tier] for tier in TIERS if tier in blocks}
        schemes = {tier: block.scheme for tier, block in held.items()}
        params = {tier: block.params for tier, block in held.items() if len(block.params)}
        if fallback is not None and pruned:
            schemes[FALLBACK], params[FALLBACK] = FALLBACK, fallback
        packed = {tier: block.packed for tier, block in held.items()}
        return cls(embedding_dim, RowMap.of(torch.from_numpy(codes)), packed, schemes, params)

    def tier_block(self, tier: str) -> TierBlock:
        """The rows of one tier together with their row ids."""
        row_ids = (self.tier_codes == TIERS.index(tier)).nonzero().flatten()
        nothing = torch.empty(len(row_ids), 0, dtype=torch.uint8)
        params = self.params.get(tier, NO_PARAMS)
        return TierBlock(row_ids, self.blocks.get(tier, nothing), self.schemes[tier], params)

    def dequantize(self, rows: Tensor | None = None) -> Tensor:
        """Rows (K,) int64, or all rows in order, as float32 (K, D)."""
        codes = self.row_map.tier_codes(rows)  # (K,)
        places = None if rows is None else self.row_map.places(rows)
        out = torch.empty(len(codes), self.embedding_dim)  # (K, D)
        for tier in self.row_map.tiers:
            members = (codes == TIERS.index(tier)).nonzero().flatten()
            out[members] = self._decoded(tier, None if places is None else places[members])
        return out

    def _decoded(self, tier: str, places: Tensor | None) -> Tensor:
        """The rows at these places of a tier, or all of them; a pruned tier is the same row."""
        params = self.params.get(tier, NO_PARAMS)
        if tier == FALLBACK:
            return params
        packed = self.blocks[tier] if places is None else self.blocks[tier][places]
        return SCHEMES[self.schemes[tier]].dequantize(packed, self.embedding_dim, params)

    def diff(self, previous: MixedPrecisionTable) -> Tensor:
        """Ascending ids int64 of the rows whose decoded bytes or tier differ from `previous`.

        Rows that only the larger of the two tables has differ; where the dimension is another, all
        rows do. A row that is stored differently and decodes to the same value does not.
        """
        same_dim = self.embedding_dim == previous.embedding_dim
        sizes = (self.num_embeddings, previous.num_embeddings)
        in_both = torch.arange(min(sizes) if same_dim else 0)
        starts = range(0, len(in_both), ROWS_AT_ONCE)
        runs = (in_both[start : start + ROWS_AT_ONCE] for start in starts)
        changed = [rows[self._differ(previous, rows)] for rows in runs]
        return torch.cat([*changed, torch.arange(len(in_both), max(sizes))])

    def _differ(self, previous: MixedPrecisionTable, rows: Tensor) -> Tensor:
        """Whether each of the rows (K,) is another one than in `previous`: bool (K,)."""
        now, then = self.dequantize(rows), previous.dequantize(rows)  # (K, D) each
        other_bytes = (now.view(torch.int32) != then.view(torch.int32)).any(dim=1)
        return other_bytes | (self.row_map.tier_codes(rows) != previous.row_map.tier_codes(rows))
