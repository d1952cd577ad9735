from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from shark_core.errors import DataError
from shark_core.publish.table_files import (
    PARQUET_OPTIONS,
    read_tier,
    tier_batches,
    tier_schema,
)
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.tiers import FP16, FP32, INT8

N, DIM = 100_000, 16


def make_table(shares: list[float], rows: int = N, seed: int = 5) -> MixedPrecisionTable:
    codes = np.random.default_rng(seed).choice([FP32, FP16, INT8], p=shares, size=rows)
    weight = torch.randn(rows, DIM, generator=torch.Generator().manual_seed(seed)) * 0.1
    return MixedPrecisionTable.from_float(weight, codes.astype(np.uint8), "user_id")


def write_tier(table: MixedPrecisionTable, tier: str, path: Path) -> Path:
    schema = tier_schema("user_id", tier, table)
    with pq.ParquetWriter(path, schema, **PARQUET_OPTIONS) as writer:
        for batch in tier_batches(table, tier, schema):
            writer.write_batch(batch)
    return path


@pytest.mark.parametrize("shares", [[0.02, 0.08, 0.9], [0.3, 0.3, 0.4], [0.0, 0.5, 0.5]])
@pytest.mark.parametrize("tier", ["int8", "fp16"])
def test_a_file_takes_at_most_five_percent_more_than_its_payload(
    shares: list[float], tier: str, tmp_path: Path
) -> None:
    table = make_table(shares)
    path = write_tier(table, tier, tmp_path / "part-00000.parquet")
    assert path.stat().st_size <= 1.05 * table.blocks[tier].numel()


def test_reading_gives_the_table_that_was_written(tmp_path: Path) -> None:
    table = make_table([0.2, 0.3, 0.5])
    blocks = {}
    for tier in table.blocks:
        content = pq.read_table(write_tier(table, tier, tmp_path / f"{tier}.parquet"))
        blocks[tier] = read_tier(content, tier, N, DIM, where=tier)
    again = MixedPrecisionTable.from_blocks(DIM, N, blocks, where="here")
    assert torch.equal(again.dequantize(), table.dequantize())


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = [
        write_tier(make_table([0.2, 0.3, 0.5]), "int8", tmp_path / name).read_bytes()
        for name in ("first.parquet", "second.parquet")
    ]
    assert contents[0] == contents[1]


def test_duckdb_polars_and_pandas_read_the_rows_as_they_are(tmp_path: Path) -> None:
    table = make_table([0.2, 0.3, 0.5], rows=1000)
    path = write_tier(table, "int8", tmp_path / "part-00000.parquet")
    block = table.tier_block("int8")
    expected = [
        (int(row_id), packed.numpy().tobytes())
        for row_id, packed in zip(block.row_ids, block.packed, strict=True)
    ]
    assert duckdb.read_parquet(str(path)).fetchall() == expected
    assert pl.read_parquet(path).rows() == expected
    assert list(pd.read_parquet(path).itertuples(index=False, name=None)) == expected


def test_a_file_names_its_table(tmp_path: Path) -> None:
    path = write_tier(make_table([0.2, 0.3, 0.5]), "fp16", tmp_path / "part-00000.parquet")
    assert {
        b"field": b"user_id",
        b"tier": b"fp16",
        b"embedding_dim": b"16",
        b"num_embeddings": b"100000",
    }.items() <= pq.read_schema(path).metadata.items()


@pytest.mark.parametrize(
    ("row_ids", "width"),
    [([0, 2, 1], 20), ([0, 1, 9], 20), ([-1, 0, 1], 20), ([0, 1, 1], 20), ([0, 1, 2], 19)],
)
def test_row_ids_or_widths_that_cannot_be_are_refused(row_ids: list[int], width: int) -> None:
    rows = pa.array([b"x" * width] * 3, pa.binary(width))
    content = pa.table({"row_id": pa.array(row_ids, pa.int32()), "row": rows})
    with pytest.raises(DataError, match="table file is damaged"):
        read_tier(content, "int8", num_embeddings=9, dim=16, where="part-00000.parquet")
