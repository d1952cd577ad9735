"""How many bytes tables take in memory once their rows have tiers: everything that is held."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shark_core.errors import ConfigError
from shark_core.quantization.policies.table_rows import TableRows, TierCodes
from shark_core.quantization.row_map import row_map_bytes
from shark_core.quantization.schemes import SCHEMES
from shark_core.quantization.tiers import rows_by_tier

PARAM_BYTES = 4


@dataclass(frozen=True)
class ByteBudget:
    """`most` bytes for all tables; `schemes` tier → name of its scheme.

    `elsewhere`: bytes that count too, whatever tiers rows get (constants of pruned fields).
    """

    most: float
    schemes: Mapping[str, str]
    elsewhere: int = 0

    def fits(self, tables: Sequence[TableRows], codes: TierCodes) -> bool:
        return self.bytes_of(tables, codes) <= self.most

    def bytes_of(self, tables: Sequence[TableRows], codes: TierCodes) -> int:
        each = (
            table_bytes(table.embedding_dim, codes[table.field], self.schemes) for table in tables
        )
        return self.elsewhere + sum(each)

    def row_bytes(self, tier: str, dim: int) -> int:
        return SCHEMES[self.schemes[tier]].row_bytes(dim)

    def fixed_bytes(self, table: TableRows, tiers: Collection[str]) -> int:
        """What a table takes beside its packed rows where they are in these tiers."""
        return fixed_bytes(len(table), table.embedding_dim, tiers, self.schemes)

    def refuse(self, least: int) -> ConfigError:
        """For a budget that nothing fits: `least` bytes are what the policy can reach."""
        return ConfigError(
            "the byte budget for embedding tables cannot be reached",
            expected=f"at most {self.most:,.0f} bytes, by tiers.target_ratio",
            found=f"at least {least:,} bytes with the tiers that the policy may choose",
            remedy="lower tiers.target_ratio, permit tiers of fewer bits, or prune more fields",
        )


def table_bytes(dim: int, codes: np.ndarray, schemes: Mapping[str, str]) -> int:
    """Packed rows with their qparams, table params and the row map, of one table.

    `codes` uint8 (N,).
    """
    rows = {tier: count for tier, count in rows_by_tier(codes).items() if count}
    packed = sum(count * SCHEMES[schemes[tier]].row_bytes(dim) for tier, count in rows.items())
    return packed + fixed_bytes(len(codes), dim, rows, schemes)


def fixed_bytes(rows: int, dim: int, tiers: Collection[str], schemes: Mapping[str, str]) -> int:
    """Table params and the row map of a table of `rows` × `dim` with rows in these tiers."""
    params = sum(SCHEMES[schemes[tier]].param_count(dim) for tier in tiers)
    return PARAM_BYTES * params + row_map_bytes(rows, tiers)
