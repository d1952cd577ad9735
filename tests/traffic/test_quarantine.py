from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from shark_core.lake import Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import QUARANTINE_SCHEMA
from shark_core.traffic.quarantine import quarantine_batch, refused_rows
from shark_core.traffic.validation import REASONS


def kept(column: pa.Array) -> list[Any]:
    """The values of one column as they stand in the records' JSON, all records being bad."""
    batch = pa.RecordBatch.from_arrays([column], names=["c"])
    codes = np.ones(len(column), dtype=np.int8)
    return [
        json.loads(text)["c"]
        for text in quarantine_batch(batch, codes, "f", 0)["record"].to_pylist()
    ]


def test_a_refused_record_says_where_it_was_and_why() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1, 2, 3], "b": ["x", "y", None]})
    found = quarantine_batch(batch, np.array([0, 0, 2], np.int8), "traffic/f.parquet", 1000)
    assert found.schema == QUARANTINE_SCHEMA
    assert found.to_pylist() == [
        {
            "source_file": "traffic/f.parquet",
            "source_row": 1002,
            "reason": REASONS[1],
            "record": '{"a": 3, "b": null}',
        }
    ]


def test_without_refused_records_there_are_no_rows() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1]})
    assert quarantine_batch(batch, np.zeros(1, np.int8), "f", 0).num_rows == 0


def test_numbers_that_json_does_not_have_are_texts() -> None:
    values = pa.array([float("nan"), float("-inf"), 0.5])
    assert kept(values) == ["nan", "-inf", 0.5]


def test_times_that_python_does_not_have_are_kept_too() -> None:
    values = pa.array([0, 2**62]).cast(pa.timestamp("s", tz="America/New_York"))
    found = kept(values)
    assert found[0] == "1970-01-01 00:00:00"
    assert str(2**62) in found[1]


def test_bytes_that_are_no_text_are_kept_readable() -> None:
    broken = pa.array([b"a\xff"], pa.binary()).view(pa.string())
    assert kept(broken) == ["a\\xff"]
    lists = pa.ListArray.from_arrays([0, 1], broken)
    assert kept(lists) == [["a\\xff"]]


def test_lists_nulls_and_dictionaries_are_kept_as_values() -> None:
    assert kept(pa.array([["é", None], None])) == [["é", None], None]
    assert kept(pa.array(["a", "b", "a"]).dictionary_encode()) == ["a", "b", "a"]


def test_refused_rows_are_in_order_by_file(tmp_path: Path) -> None:
    """Of one traffic file in several quarantine files, and of several in one; of some in none."""
    files = AttemptFiles(Lake(str(tmp_path)), "quarantine", "0123abcd")
    paths = []
    for number, rows in enumerate(([("a", 7), ("b", 1), ("a", 3)], [("a", 5)], [])):
        records = [
            {"source_file": file, "source_row": row, "reason": "id_missing", "record": "{}"}
            for file, row in rows
        ]
        table = pa.Table.from_pylist(records, QUARANTINE_SCHEMA)
        paths.append(files.write_table(f"part-{number}.parquet", table).path)
    found = refused_rows(Lake(str(tmp_path)), paths)
    assert {file: rows.tolist() for file, rows in found.items()} == {"a": [3, 5, 7], "b": [1]}
