"""Tables in ranges of rows: which there are, and which files hold them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shark_core.access.row_ranges import RANGE_ROWS, RowRange, read_range, row_ranges
from shark_core.lake import Lake

SECOND = RowRange(RANGE_ROWS, 2 * RANGE_ROWS)


@pytest.mark.parametrize("rows", [2, RANGE_ROWS, RANGE_ROWS + 1, 3 * RANGE_ROWS - 1])
def test_ranges_cover_the_table_once_and_each_has_a_part_of_its_own(rows: int) -> None:
    ranges = row_ranges(rows)
    assert [each.start for each in ranges] == [0, *(each.end for each in ranges[:-1])]
    assert ranges[-1].end == rows
    assert len({each.part for each in ranges}) == len(ranges)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("part-00001-3f9a1c20-b7e1.parquet", True),
        ("part-00000-3f9a1c20-b7e1.parquet", False),
        ("part-00010-3f9a1c20-b7e1.parquet", False),
        ("partial-00000-00-3f9a1c20-b7e1.parquet", True),
    ],
)
def test_part_files_of_other_ranges_are_known_by_their_names(name: str, expected: bool) -> None:
    assert SECOND.may_be_in(f"access_counts/ds=2026-01-01/field=part-00001/{name}") == expected


def test_only_rows_of_the_range_are_read(tmp_path: Path) -> None:
    rows = [3, RANGE_ROWS - 1, RANGE_ROWS, 2 * RANGE_ROWS - 1, 2 * RANGE_ROWS]
    pq.write_table(pa.table({"row_id": rows}), tmp_path / "partial.parquet", row_group_size=2)
    tables = list(read_range(Lake(str(tmp_path)), ["partial.parquet"], SECOND))
    assert [table["row_id"].to_pylist() for table in tables] == [[RANGE_ROWS, 2 * RANGE_ROWS - 1]]
