"""Row priorities as one number per row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from shark_core.access.dense_priorities import load_priority
from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import ROW_PRIORITY, ROW_PRIORITY_SCHEMA
from tests.example_lake import DAY, STAMP, tiny_config


def write(lake: Lake, rows: list[int], priorities: list[float]) -> None:
    table = pa.table([rows, priorities], schema=ROW_PRIORITY_SCHEMA)
    with PartitionWriter(lake, partition(ROW_PRIORITY, DAY, field="tags"), STAMP) as writer:
        writer.write_table("part-00000.parquet", table)
        writer.commit({})


def test_rows_that_were_never_accessed_have_priority_zero(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    write(Lake(config.lake), [5, 1], [0.5, 2.0])
    found = load_priority(Lake(config.lake), config, "tags", DAY)
    assert found.tolist() == [0, 2.0, 0, 0, 0, 0.5, 0, 0]


@pytest.mark.parametrize("row", [-1, 8])
def test_a_row_outside_the_table_is_refused(tmp_path: Path, row: int) -> None:
    config = tiny_config(tmp_path)
    write(Lake(config.lake), [row], [1.0])
    with pytest.raises(DataError, match="'tags' has a priority for a row outside its table"):
        load_priority(Lake(config.lake), config, "tags", DAY)


def test_missing_priorities_name_the_job_that_writes_them(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    with pytest.raises(DataError, match="python -m jobs update-priorities"):
        load_priority(Lake(config.lake), config, "tags", DAY)
