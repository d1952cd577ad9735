"""Refused records as they are kept: where they came from, why, and what they held."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import types

from shark_core.lake import Lake, logical_path
from shark_core.schemas import QUARANTINE_SCHEMA
from shark_core.traffic.columns import is_list, is_text, plain
from shark_core.traffic.validation import REASONS

FILES_AT_A_TIME = 8


def quarantine_batch(
    batch: pa.RecordBatch, codes: np.ndarray, source_file: str, first_row: int
) -> pa.RecordBatch:
    """The records with a reason; `first_row` is the position of the batch in `source_file`."""
    places = np.flatnonzero(codes)
    columns = {
        name: _printable(batch.column(name).take(pa.array(places))).to_pylist()
        for name in batch.schema.names
    }
    records = [
        _as_json({name: values[i] for name, values in columns.items()}) for i in range(len(places))
    ]
    reasons = [REASONS[code - 1] for code in codes[places]]
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(source_file, len(places)).cast(pa.string()),
            pa.array(places + first_row, pa.int64()),
            pa.array(reasons, pa.string()),
            pa.array(records, pa.string()),
        ],
        schema=QUARANTINE_SCHEMA,
    )


def _printable(column: pa.Array) -> pa.Array:
    """Columns that have a value in Python whatever they hold: any text bytes, any timestamp."""
    column = plain(column)
    if types.is_timestamp(column.type):  # beyond the year 9999 there is no datetime
        return column.cast(pa.int64()).cast(pa.timestamp(column.type.unit)).cast(pa.string())
    if is_text(column.type):
        return column.cast(pa.large_binary())
    if is_list(column.type) and is_text(column.type.value_type):
        return column.cast(pa.large_list(pa.large_binary()))
    return column


def _as_json(record: dict[str, Any]) -> str:
    finite = {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }
    return json.dumps(finite, ensure_ascii=False, default=_readable)


def _readable(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def refused_rows(lake: Lake, paths: Iterable[str]) -> dict[str, np.ndarray]:
    """The positions of a day's quarantined records, ascending, by the traffic file's logical path.

    A quarantine holds a small share of a day (`ingest.max_quarantined_share`), in many files.
    """
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    with ThreadPoolExecutor(FILES_AT_A_TIME) as pool:
        for table in pool.map(partial(_rows_by_file, lake), paths):
            for file, rows in zip(*table.columns, strict=True):
                found[logical_path(file.as_py())].append(rows.values.to_numpy())
    return {file: np.sort(np.concatenate(rows)) for file, rows in found.items()}


def _rows_by_file(lake: Lake, path: str) -> pa.Table:
    columns = ["source_file", "source_row"]
    table = lake.read_parquet(path, columns).group_by("source_file")
    return table.aggregate([("source_row", "list")]).select(["source_file", "source_row_list"])
