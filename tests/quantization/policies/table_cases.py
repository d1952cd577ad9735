"""Tables whose rows have made-up priorities and losses, and budgets for them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from shark_core.config_sections.tiers import DEFAULT_SCHEMES
from shark_core.quantization.policies.stored_bytes import ByteBudget
from shark_core.quantization.policies.table_rows import TableRows, TierCodes
from shark_core.quantization.tiers import TIERS

CHOICES = ("pruned", "int2", "int4", "int8", "fp16")
LOSS_SCALE = {"fp32": 0.0, "fp16": 1e-6, "int8": 1e-3, "int4": 0.02, "int2": 0.2, "pruned": 1.0}


def made_up_table(
    field: str = "user",
    rows: int = 300,
    dim: int = 16,
    seed: int = 0,
    unread: float = 0.3,
    previous: bool = False,
) -> TableRows:
    """Long-tailed priorities; losses follow them and the tier, each with luck of its own.

    `unread`: the share of rows that no example reads.
    """
    random = np.random.default_rng([seed, rows, dim])
    priority = random.pareto(1.2, rows)
    weight = priority * random.lognormal(0.0, 1.0, rows) * (random.random(rows) >= unread)
    losses = {
        tier: (weight * scale * random.lognormal(0.0, 0.5, rows)).astype(np.float32)
        for tier, scale in LOSS_SCALE.items()
    }
    codes = random.integers(0, len(TIERS), rows).astype(np.uint8) if previous else None
    return TableRows(field, dim, priority, losses, codes)


def budget_of(tables: Sequence[TableRows], ratio: float, elsewhere: int = 0) -> ByteBudget:
    """As many times fewer bytes than in fp32."""
    float_bytes = sum(len(table) * table.embedding_dim * 4 for table in tables)
    return ByteBudget(float_bytes / ratio, DEFAULT_SCHEMES, elsewhere)


def loss_of(tables: Sequence[TableRows], codes: TierCodes) -> float:
    return sum(
        float(table.losses[TIERS[code]][row])
        for table in tables
        for row, code in enumerate(codes[table.field].tolist())
    )


def uniform(tables: Sequence[TableRows], tier: str) -> TierCodes:
    return {table.field: np.full(len(table), TIERS.index(tier), np.uint8) for table in tables}


def all_assignments(table: TableRows, choices: Sequence[str]) -> list[TierCodes]:
    codes = [TIERS.index(tier) for tier in choices]
    return [
        {table.field: np.array(each, dtype=np.uint8)} for each in product(codes, repeat=len(table))
    ]
