"""Rows of one table that share a tier, packed; and a run of rows sorted into such blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES, refuse_unstorable
from shark_core.quantization.tiers import TIERS


@dataclass(frozen=True)
class TierBlock:
    """Rows of one tier in ascending order.

    row_ids  int64 (n,)
    packed   uint8 (n, row_bytes)
    scheme   name in `SCHEMES`
    params   float32 (P,), what all rows of the tier share; empty for most schemes
    """

    row_ids: Tensor
    packed: Tensor
    scheme: str
    params: Tensor

    def dequantize(self, dim: int) -> Tensor:
        """The rows as float32 (n, dim)."""
        return SCHEMES[self.scheme].dequantize(self.packed, dim, self.params)

    def moved_rows(self, weight: Tensor, first_row: int = 0) -> int:
        """How many rows decode to something else than `weight` (N, D) holds from `first_row` on."""
        held = weight[self.row_ids - first_row]  # (n, D)
        return int((self.dequantize(weight.shape[1]) != held).any(dim=1).sum())


@dataclass(frozen=True)
class RowStorage:
    """How the rows of one table are stored: scheme and table params by tier.

    Tiers whose scheme has no table params may be left out of `params`.
    """

    field: str
    schemes: Mapping[str, str]
    params: Mapping[str, Tensor]

    def quantize(
        self, rows: Tensor, tier_codes: Tensor, first_row: int = 0
    ) -> dict[str, TierBlock]:
        """Sort rows float32 (n, D) by their tiers uint8 (n,) and pack them; a block a tier.

        The rows are `first_row`, `first_row + 1`, … of the table. Pruned rows are a block of no
        bytes. Raises `DataError` naming field and row where a value cannot be stored, naming field
        and tier where its table params are not those of its scheme.
        """
        present = torch.bincount(tier_codes, minlength=len(TIERS)).nonzero().flatten().tolist()
        return {
            TIERS[code]: self._block(TIERS[code], rows, tier_codes == code, first_row)
            for code in present
        }

    def _block(self, tier: str, rows: Tensor, members: Tensor, first_row: int) -> TierBlock:
        scheme, params = SCHEMES[self.schemes[tier]], self._table_params(tier, rows.shape[1])
        places = members.nonzero().flatten()
        row_ids, values = places + first_row, rows[places]
        refuse_unstorable(values, scheme, self.field, row_ids)
        return TierBlock(row_ids, scheme.quantize(values, params), scheme.name, params)

    def of_tiers(self, tiers: Sequence[str], dim: int) -> RowStorage:
        """These tiers of a table of dimension `dim`, with the table params that they need.

        Raises `DataError` where those are missing or not of their schemes.
        """
        params = {tier: self._table_params(tier, dim) for tier in tiers}
        needed = {tier: numbers for tier, numbers in params.items() if len(numbers)}
        return RowStorage(self.field, {tier: self.schemes[tier] for tier in tiers}, needed)

    def _table_params(self, tier: str, dim: int) -> Tensor:
        """What the tier's rows share: float32 (P,)."""
        params, count = (
            self.params.get(tier, NO_PARAMS),
            SCHEMES[self.schemes[tier]].param_count(dim),
        )
        if tuple(params.shape) != (count,) or not bool(params.isfinite().all()):
            raise DataError(
                f"a tier's table params are not those of its scheme {self.schemes[tier]!r}",
                expected=f"{count} finite numbers",
                found=params.tolist(),
                where=f"field {self.field!r}, tier {tier}",
                remedy="run `python -m jobs finetune` and what follows it for this day again",
            )
        return params
