from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.quantization import row_tiers
from shark_core.quantization.row_tiers import (
    find_row_tiers,
    read_row_tiers,
    row_tiers_in_runs,
    write_row_tiers,
)
from shark_core.quantization.tiers import INT8, TIERS
from shark_core.schemas import ROW_TIERS
from tests.example_lake import DAY, STAMP, tiny_config

ITEMS = 20


def written(root: Path, codes: Mapping[str, np.ndarray]) -> PipelineConfig:
    config = tiny_config(root)
    with PartitionWriter(Lake(config.lake), partition(ROW_TIERS, DAY), STAMP) as writer:
        for field, of_field in codes.items():
            write_row_tiers(writer, field, of_field)
        writer.commit({})
    return config


def write_as(root: Path, table: pa.Table) -> PipelineConfig:
    """Something else under the file's name."""
    config = tiny_config(root)
    with PartitionWriter(Lake(config.lake), partition(ROW_TIERS, DAY), STAMP) as writer:
        writer.write_table("table=item.parquet", table)
        writer.commit({})
    return config


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15
)
@given(codes=st.lists(st.integers(0, len(TIERS) - 1), min_size=ITEMS, max_size=ITEMS))
def test_tiers_are_read_as_they_were_written(tmp_path: Path, codes: list[int]) -> None:
    config = written(tmp_path, {"item": np.array(codes, dtype=np.uint8)})
    found = read_row_tiers(Lake(config.lake), config, "item", DAY)
    assert found.dtype == np.uint8
    assert found.tolist() == codes


@pytest.mark.parametrize("rows", [1, 3, ITEMS - 1, ITEMS, ITEMS + 1])
@pytest.mark.parametrize("pieces", [1, 4, ITEMS])
def test_runs_are_of_one_length_however_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, pieces: int
) -> None:
    monkeypatch.setattr(row_tiers, "ROWS_AT_ONCE", pieces)
    codes = np.arange(ITEMS, dtype=np.uint8) % len(TIERS)
    config = written(tmp_path, {"item": codes})
    runs = list(row_tiers_in_runs(Lake(config.lake), config, "item", DAY, rows))
    assert np.concatenate(runs).tolist() == codes.tolist()
    assert {len(run) for run in runs[:-1]} <= {rows}
    assert 0 < len(runs[-1]) <= rows


def test_a_row_takes_a_few_bits(tmp_path: Path) -> None:
    rows = 200_000
    codes = np.random.default_rng(0).integers(0, len(TIERS), rows).astype(np.uint8)
    config = written(tmp_path, {"item": codes})
    (entry,) = Lake(config.lake).marker(partition(ROW_TIERS, DAY)).files
    assert entry.bytes * 8 < 3.2 * rows


def test_a_day_or_field_without_tiers_has_none_to_find(tmp_path: Path) -> None:
    config = written(tmp_path, {"item": np.zeros(ITEMS, dtype=np.uint8)})
    lake = Lake(config.lake)
    assert find_row_tiers(lake, "user", DAY) is None
    assert find_row_tiers(lake, "item", DAY - timedelta(days=1)) is None


def test_tiers_of_a_smaller_table_are_found_but_not_read(tmp_path: Path) -> None:
    config = written(tmp_path, {"item": np.full(7, INT8, dtype=np.uint8)})
    found = find_row_tiers(Lake(config.lake), "item", DAY)
    assert found is not None
    assert found.tolist() == [INT8] * 7
    with pytest.raises(DataError, match=r"20 rows of field 'item'(.|\n)*7 rows(.|\n)*assign-tiers"):
        read_row_tiers(Lake(config.lake), config, "item", DAY)


@pytest.mark.parametrize(
    ("field", "days_before"), [("user", 0), ("item", 1)], ids=["no such field", "no such day"]
)
def test_missing_tiers_are_refused_with_the_job_to_run(
    tmp_path: Path, field: str, days_before: int
) -> None:
    config = written(tmp_path, {"item": np.zeros(ITEMS, dtype=np.uint8)})
    with pytest.raises(DataError, match="python -m jobs assign-tiers"):
        read_row_tiers(Lake(config.lake), config, field, DAY - timedelta(days=days_before))


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (pa.table({"tier": pa.array([6] * ITEMS, pa.uint8())}), "not null"),
        (pa.table({"tier": pa.array([0] * ITEMS, pa.int64())}), "int64"),
        (pa.table({"level": pa.array([0] * ITEMS, pa.uint8())}), "level"),
    ],
    ids=["nullable", "another type", "another name"],
)
def test_another_column_is_refused(tmp_path: Path, table: pa.Table, found: str) -> None:
    config = write_as(tmp_path, table)
    for read in (
        lambda: read_row_tiers(Lake(config.lake), config, "item", DAY),
        lambda: find_row_tiers(Lake(config.lake), "item", DAY),
    ):
        with pytest.raises(DataError, match="assign-tiers") as caught:
            read()
        assert found in str(caught.value)


def test_codes_of_no_tier_are_refused(tmp_path: Path) -> None:
    codes = np.zeros(ITEMS, dtype=np.uint8)
    codes[3] = len(TIERS)
    config = written(tmp_path, {"item": codes})
    with pytest.raises(DataError, match="codes up to 6"):
        read_row_tiers(Lake(config.lake), config, "item", DAY)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    config = written(tmp_path, {"item": np.zeros(ITEMS, dtype=np.uint8)})
    lake = Lake(config.lake)
    (entry,) = lake.marker(partition(ROW_TIERS, DAY)).files
    Path(lake.absolute(entry.path)).write_bytes(b"no Parquet")
    with pytest.raises(DataError):
        read_row_tiers(lake, config, "item", DAY)
