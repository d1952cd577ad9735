"""Refused records as they are kept: where they came from, why, and what they held."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import types

from shark_core.schemas import QUARANTINE_SCHEMA
from shark_core.traffic.columns import is_list, is_text, plain
from shark_core.traffic.validation import REASONS


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
