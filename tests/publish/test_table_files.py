from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import torch

from shark_core.publish.table_columns import TableContent, parquet_content
from shark_core.publish.table_files import PARQUET_OPTIONS, tier_batch, tier_schema
from shark_core.publish.table_reader import read_table
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES
from shark_core.quantization.tier_block import TierBlock
from tests.publish.stored_tables import described, make_table, write_tier

MIX = [0.1, 0.1, 0.2, 0.2, 0.3, 0.1]


def reread(table: MixedPrecisionTable, folder: Path) -> MixedPrecisionTable:
    def read_file(name: str) -> TableContent:
        return parquet_content((folder / f"{name.split('/')[1]}.parquet").read_bytes())

    for tier in table.blocks:
        write_tier(table, tier, folder / f"tier={tier}.parquet")
    return read_table(described(table), table.params, read_file, where="here")


def size_of(share: float, scheme: str, path: Path) -> tuple[int, int, float]:
    """Bytes of a file that holds this share of 400,000 rows of dimension 16; of its packed rows; of
    the information of which rows these are: `H(share)` bits for each row of the table.
    """
    random = np.random.default_rng(0)
    row_ids = torch.from_numpy(np.flatnonzero(random.random(400_000) < share))
    row_bytes = SCHEMES[scheme].row_bytes(16)
    packed = random.integers(0, 256, (len(row_ids), row_bytes), dtype=np.uint8)
    block = TierBlock(row_ids, torch.from_numpy(packed), scheme, NO_PARAMS)
    with pq.ParquetWriter(path, tier_schema(row_bytes), **PARQUET_OPTIONS) as writer:
        writer.write_batch(tier_batch(block))
    bits = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    return path.stat().st_size, packed.nbytes, 400_000 * bits / 8


@pytest.mark.parametrize("shares", [[0.02, 0.08, 0.9], [0.3, 0.3, 0.4], [0.0, 0.5, 0.5]])
@pytest.mark.parametrize("tier", ["int8", "fp16"])
def test_a_file_takes_at_most_three_percent_more_than_its_payload(
    shares: list[float], tier: str, tmp_path: Path
) -> None:
    table = make_table(shares, 100_000)
    path = write_tier(table, tier, tmp_path / "part-00000.parquet")
    assert path.stat().st_size <= 1.03 * table.blocks[tier].numel()


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("scheme", ["int8", "fp16", "int4"])
def test_so_does_a_file_of_every_scheme_that_holds_half_of_the_rows(
    share: float, scheme: str, tmp_path: Path
) -> None:
    size, payload, _ = size_of(share, scheme, tmp_path / "part-00000.parquet")
    assert size <= 1.03 * payload


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("scheme", ["int8", "int4_shared", "int2_shared"])
def test_what_a_file_takes_beside_its_payload_is_little_more_than_which_rows_these_are(
    share: float, scheme: str, tmp_path: Path
) -> None:
    size, payload, information = size_of(share, scheme, tmp_path / "part-00000.parquet")
    assert size <= payload + 1.5 * information + 2000


def test_row_ids_of_int2_rows_take_less_than_two_bits_each(tmp_path: Path) -> None:
    table = make_table([0, 0, 0, 0.2, 0.8], 100_000)
    path = write_tier(table, "int2", tmp_path / "part-00000.parquet")
    rows = len(table.blocks["int2"])
    assert path.stat().st_size <= rows * (4 + 2 / 8)


def test_a_file_of_few_rows_takes_little_more_than_half_a_kilobyte(tmp_path: Path) -> None:
    path = write_tier(make_table([0, 0, 1.0], 2), "int8", tmp_path / "part-00000.parquet")
    assert path.stat().st_size <= 600


def test_reading_gives_the_table_that_was_written(tmp_path: Path) -> None:
    table = make_table(MIX, 1000)
    again = reread(table, tmp_path)
    assert torch.equal(again.dequantize(), table.dequantize())
    assert torch.equal(again.tier_codes, table.tier_codes)
    assert again.schemes == table.schemes


def test_a_table_that_is_pruned_whole_has_no_file(tmp_path: Path) -> None:
    table = make_table([0, 0, 0, 0, 0, 1], 1000)
    again = reread(table, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert torch.equal(again.dequantize(), table.dequantize())


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = [
        write_tier(make_table(MIX, 1000), "int8", tmp_path / name).read_bytes()
        for name in ("first.parquet", "second.parquet")
    ]
    assert contents[0] == contents[1]


@pytest.mark.parametrize("tier", ["int8", "int2"])
def test_duckdb_polars_and_pandas_read_the_rows_as_they_are(tier: str, tmp_path: Path) -> None:
    table = make_table(MIX, 1000)
    path = write_tier(table, tier, tmp_path / "part-00000.parquet")
    block = table.tier_block(tier)
    expected = [
        (int(row_id), packed.numpy().tobytes())
        for row_id, packed in zip(block.row_ids, block.packed, strict=True)
    ]
    assert duckdb.read_parquet(str(path)).fetchall() == expected
    assert pl.read_parquet(path).rows() == expected
    assert list(pd.read_parquet(path).itertuples(index=False, name=None)) == expected


def test_a_file_explains_itself(tmp_path: Path) -> None:
    path = write_tier(make_table(MIX, 1000), "int2", tmp_path / "part-00000.parquet")
    assert pq.read_metadata(path).metadata == {
        b"field": b"user_id",
        b"tier": b"int2",
        b"scheme": b"int2_shared",
        b"params": np.array([0.1, -0.15], "<f4").tobytes().hex().encode(),
        b"embedding_dim": b"16",
        b"num_embeddings": b"1000",
    }
