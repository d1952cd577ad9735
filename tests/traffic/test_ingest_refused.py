"""Days that ingest refuses: with a clear error, and nothing half-written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.ingest import ingest
from shark_core.schemas import (
    QUARANTINE,
)

from .day_lake import (
    DAY,
    context_of,
    data_files,
    fingerprints,
    next_day,
    records,
    refusal,
    table_of,
    with_values,
    write_traffic,
    written,
)

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]


def test_too_many_bad_records_refuse_the_day_and_stay_to_be_looked_at(tmp_path: Path) -> None:
    write_traffic(tmp_path, with_values(records(100), "user", {1: 99, 2: None, 3: 99}))
    context = context_of(tmp_path)
    message = refusal(context)
    assert "3 of 100 records were refused" in message
    assert "id_missing: 1, id_out_of_range: 2" in message
    assert "ingest.max_quarantined_share" in message
    assert table_of(context, QUARANTINE).num_rows == 3
    for dataset in ("examples", "vocabulary", "pending_values"):
        assert data_files(tmp_path, dataset) == []


def test_a_refused_day_leaves_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    write_traffic(tmp_path, records(100))
    ingest(context)
    before = fingerprints(tmp_path)
    write_traffic(tmp_path, with_values(records(100), "user", dict.fromkeys(range(50), 99)))
    refusal(context)
    after = fingerprints(tmp_path)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"quarantine/ds={DAY}"}


@pytest.mark.parametrize("label", [0, 1])
def test_a_day_with_one_label_only_is_refused(tmp_path: Path, label: int) -> None:
    write_traffic(tmp_path, with_values(records(30), "clicked", dict.fromkeys(range(30), label)))
    message = refusal(context_of(tmp_path))
    assert "one label only" in message
    assert "'clicked'" in message
    assert data_files(tmp_path, "examples") == []


def test_a_day_of_bad_records_only_is_refused_whatever_the_limit(tmp_path: Path) -> None:
    write_traffic(tmp_path, records(30, day=next_day(DAY)))
    context = context_of(tmp_path, ingest={"max_quarantined_share": 1.0})
    assert "0 positive and 0 negative" in refusal(context)
    assert table_of(context, QUARANTINE).num_rows == 30


def test_a_day_without_records_is_refused(tmp_path: Path) -> None:
    write_traffic(tmp_path, records(10).slice(0, 0))
    assert "1 file(s) without records" in refusal(context_of(tmp_path))
    assert written(tmp_path) == []


def floats_in_a_field(table: pa.Table) -> pa.Table:
    index = table.schema.get_field_index("ad")
    return table.set_column(index, "ad", pa.array([1.0] * len(table)))


def list_in_a_scalar(table: pa.Table) -> pa.Table:
    index = table.schema.get_field_index("user")
    return table.set_column(index, "user", pa.array([[1]] * len(table)))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda table: table.drop_columns(["price"]), ["'price'", "no such column"]),
        (floats_in_a_field, ["'ad'", "found double", "cast floats"]),
        (list_in_a_scalar, ["'user'", "found list", "pooling"]),
    ],
)
def test_one_file_with_other_columns_refuses_the_day(
    tmp_path: Path, spoil: Any, said: list[str]
) -> None:
    write_traffic(tmp_path, records(30), name="a.parquet")
    write_traffic(tmp_path, spoil(records(30)), name="b.parquet")
    message = refusal(context_of(tmp_path))
    assert all(text in message for text in [*said, "b.parquet"])
    assert written(tmp_path) == []


@pytest.mark.parametrize("place", ["footer", "pages"])
def test_one_damaged_file_refuses_the_day(tmp_path: Path, place: str) -> None:
    write_traffic(tmp_path, records(30), name="a.parquet")
    path = write_traffic(tmp_path, records(500), name="b.parquet", write_page_checksum=True)
    content = bytearray(path.read_bytes())
    start = len(content) - 60 if place == "footer" else 100
    content[start : start + 60] = bytes(60)
    path.write_bytes(bytes(content))
    message = refusal(context_of(tmp_path))
    assert "b.parquet" in message
    assert written(tmp_path) == []
