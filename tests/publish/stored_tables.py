"""A table of every tier, stored by shared schemes where there are such, and its description."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from shark_core.config_sections import Field
from shark_core.publish.stored_table import StoredTable, StoredTier
from shark_core.publish.table_files import (
    PARQUET_OPTIONS,
    tier_batch,
    tier_metadata,
    tier_schema,
)
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.schemes import NO_PARAMS
from shark_core.quantization.tiers import TIERS, rows_by_tier

DIM = 16
MIX = [0.1, 0.1, 0.2, 0.2, 0.2, 0.2]  # some rows in every tier
SCHEMES_OF_TIERS = {
    **{tier: tier for tier in TIERS},
    "int4": "int4_shared",
    "int2": "int2_shared",
}


def make_table(shares: list[float], rows: int, seed: int = 5) -> MixedPrecisionTable:
    """`shares` of the rows are in the tiers, in their order."""
    random = np.random.default_rng(seed)
    codes = random.choice(len(shares), p=shares, size=rows).astype(np.uint8)
    weight = torch.randn(rows, DIM, generator=torch.Generator().manual_seed(seed)) * 0.1
    params = {
        "int4": torch.tensor([0.04, -0.3]),
        "int2": torch.tensor([0.1, -0.15]),
        "pruned": weight.mean(dim=0),
    }
    return MixedPrecisionTable.from_float(weight, codes, SCHEMES_OF_TIERS, params, "user_id")


def changed(table: MixedPrecisionTable, rows: list[tuple[int, int, bool]]) -> MixedPrecisionTable:
    """With some rows in other tiers, and some of other values."""
    weight, codes = table.dequantize(), table.tier_codes.numpy().copy()
    for row, code, moved in rows:
        codes[row] = code
        weight[row] += 0.05 * moved
    params = {"int4": torch.tensor([0.04, -0.3]), "int2": torch.tensor([0.1, -0.15])}
    params["pruned"] = torch.full((DIM,), 0.01 * len(rows))
    return MixedPrecisionTable.from_float(weight, codes, SCHEMES_OF_TIERS, params, "user_id")


def same_tables(found: MixedPrecisionTable, expected: MixedPrecisionTable) -> bool:
    return (
        torch.equal(found.tier_codes, expected.tier_codes)
        and found.schemes == expected.schemes
        and found.blocks.keys() == expected.blocks.keys()
        and all(torch.equal(found.blocks[tier], expected.blocks[tier]) for tier in expected.blocks)
        and torch.equal(found.dequantize(), expected.dequantize())
    )


def described(table: MixedPrecisionTable) -> StoredTable:
    field = Field(
        name="user_id",
        column="user_id",
        encoding="hash",
        num_embeddings=table.num_embeddings,
        embedding_dim=table.embedding_dim,
    )
    return StoredTable.of(field, rows_by_tier(table.tier_codes.numpy()), SCHEMES_OF_TIERS)


def stored_tier(table: MixedPrecisionTable, tier: str) -> StoredTier:
    return next(found for found in described(table).tiers if found.tier == tier)


def write_tier(table: MixedPrecisionTable, tier: str, path: Path) -> Path:
    block = table.tier_block(tier)
    params = table.params.get(tier, NO_PARAMS)
    with pq.ParquetWriter(path, tier_schema(block.packed.shape[1]), **PARQUET_OPTIONS) as writer:
        writer.add_key_value_metadata(
            tier_metadata(described(table), stored_tier(table, tier), params)
        )
        writer.write_batch(tier_batch(block))
    return path
