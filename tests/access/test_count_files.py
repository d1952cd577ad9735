from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from shark_core import partition_writer
from shark_core.access.count_files import CountsWriter, FieldCounts, FieldOutput
from shark_core.access.row_ranges import RANGE_ROWS
from shark_core.config_sections import Field
from shark_core.lake import Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import ACCESS_COUNTS_SCHEMA


def counts(row: int) -> pa.Table:
    return pa.table([[row], [1], [2]], schema=ACCESS_COUNTS_SCHEMA)


def written(lake: Path, tables: int, rows: int = 100, *, alone: bool = True) -> FieldCounts:
    """`tables` of one row each, the last of them as the rest."""
    field = Field(name="ad", encoding="identity", num_embeddings=rows, embedding_dim=4)
    files = AttemptFiles(Lake(str(lake)), "access_counts/field=ad", "0" * 8)
    writer = CountsWriter(FieldOutput(field, files), task=3, alone=alone)
    writer.write(counts(row) for row in range(tables - 1))
    return writer.finish(counts(tables - 1))


def names(found: FieldCounts) -> list[str]:
    return [entry.logical_path.rsplit("/", 1)[-1] for entry in found.entries]


def test_what_is_counted_at_once_is_the_part_file(tmp_path: Path) -> None:
    assert names(written(tmp_path, tables=1)) == ["part-00000.parquet"]


@pytest.mark.parametrize(
    ("tables", "rows", "alone"), [(1, 100, False), (1, RANGE_ROWS + 1, True), (3, 100, True)]
)
def test_what_must_be_added_up_is_partial(
    tmp_path: Path, tables: int, rows: int, alone: bool
) -> None:
    found = written(tmp_path, tables, rows, alone=alone)
    assert names(found) == [f"partial-00003-{number:05d}.parquet" for number in range(tables)]


def test_no_part_of_a_field_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_writer.secrets, "token_hex", lambda size: "0" * 2 * size)
    found = written(tmp_path, tables=50)
    assert len({entry.path for entry in found.entries}) == 50
    assert (found.positives, found.negatives) == (50, 100)
