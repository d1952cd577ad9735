"""The tables of three days of a tiny model: every tier, every scheme, every kind of change.

field      dim  day 1                             day 2                    day 3
user_id     7   12 rows: all tiers, row-wise      changes, 2 tombstones    changes on changes
item_id     8    8 rows: shared scales            new table params only    one row, pruned
brand       3    3 rows, all pruned               4 rows: published whole  new fallback row only
country     2   pruned field: a constant of the dense part
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from shark_core.config_sections import Field
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.tiers import FP16, FP32, INT4, INT8, PRUNED, TIERS

ROWWISE = {tier: tier for tier in TIERS}
SHARED = {**ROWWISE, "int4": "int4_shared", "int2": "int2_shared"}
PRUNED_FIELD = Field(name="country", encoding="vocabulary", num_embeddings=4, embedding_dim=2)
USERS = Field(name="user_id", encoding="hash", num_embeddings=12, embedding_dim=7)
ITEMS = Field(
    name="item_id", encoding="identity", num_embeddings=8, embedding_dim=8, pooling="mean"
)


@dataclass(frozen=True)
class DayTable:
    """A table before it is quantized: weight float32 (N, D), tier codes uint8 (N,)."""

    field: Field
    weight: Tensor
    codes: np.ndarray
    schemes: Mapping[str, str]
    params: Mapping[str, Tensor]

    def quantized(self) -> MixedPrecisionTable:
        name = self.field.name
        return MixedPrecisionTable.from_float(
            self.weight, self.codes, self.schemes, self.params, name
        )

    def with_rows(
        self, tiers: Mapping[int, int], moved: tuple[int, ...] = (), **params: list[float]
    ) -> DayTable:
        """The next day's: rows in other tiers, rows of other values, other table params.

        Codes of rows that stay are decoded by the new params, as training by them would have it.
        """
        learned = {**self.params, **{tier: torch.tensor(found) for tier, found in params.items()}}
        table = self.quantized()
        held = {tier: learned[tier] for tier in table.params}
        weight = MixedPrecisionTable(
            table.embedding_dim, table.row_map, table.blocks, table.schemes, held
        ).dequantize()
        codes = self.codes.copy()
        for row, code in tiers.items():
            codes[row] = code
        weight[[*moved]] += 0.25
        return DayTable(self.field, weight, codes, self.schemes, learned)


def three_days() -> tuple[tuple[DayTable, ...], ...]:
    """By day, in the order of the fields."""
    return tuple(zip(_users(), _items(), _brands(), strict=True))


def _users() -> list[DayTable]:
    codes = np.arange(12, dtype=np.uint8) % len(TIERS)
    first = DayTable(USERS, _weight(USERS), codes, ROWWISE, {"pruned": torch.full((7,), 0.125)})
    second = first.with_rows({2: INT4, 4: PRUNED, 5: FP32, 10: PRUNED}, moved=(1, 5))
    third = second.with_rows({0: PRUNED, 4: INT8}, moved=(3, 4), pruned=[0.1] * 7)
    return [first, second, third]


def _items() -> list[DayTable]:
    codes = np.array([1, 3, 3, 3, 4, 4, 5, 4], dtype=np.uint8)
    params = {
        "int4": torch.tensor([0.03125, -0.25]),
        "int2": torch.tensor([0.1875, -0.28125]),
        "pruned": torch.zeros(8),
    }
    first = DayTable(ITEMS, _weight(ITEMS), codes, SHARED, params)
    second = first.with_rows({}, int2=[0.2001953125, -0.3])
    return [first, second, second.with_rows({1: PRUNED, 7: FP16}, moved=(2,))]


def _brands() -> list[DayTable]:
    return [_brand(3, [0.5, -0.5, 0.0]), _brand(4, [0.5, -0.5, 0.0]), _brand(4, [0.3, 0.1, -0.7])]


def _brand(rows: int, fallback: list[float]) -> DayTable:
    field = Field(name="brand", encoding="vocabulary", num_embeddings=rows, embedding_dim=3)
    codes = np.full(rows, PRUNED, dtype=np.uint8)
    params = {"pruned": torch.tensor(fallback)}
    return DayTable(field, torch.zeros(rows, 3), codes, ROWWISE, params)


def _weight(field: Field) -> Tensor:
    random = torch.Generator().manual_seed(field.embedding_dim)
    return torch.randn(field.num_embeddings, field.embedding_dim, generator=random) * 0.2
