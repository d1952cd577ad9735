"""Which records of traffic are examples, and why the others are not.

`find_reasons` looks at every column that the config reads and gives each record the code of the
first reason that applies, in the order of `REASONS`; 0 means that it is an example. Column types
have been checked before (`columns.check_columns`), so that a reason is always about values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from shark_core.config import PipelineConfig
from shark_core.config_sections import DenseFeature, Field
from shark_core.interval import Interval
from shark_core.traffic.columns import field_values, plain
from shark_core.traffic.encoding import integers
from shark_core.traffic.numbers import as_floats, dense_values, is_inside, is_null

LABEL_MISSING = "label_missing"
LABEL_NOT_BINARY = "label_not_binary"
EVENT_TIME_MISSING = "event_time_missing"
EVENT_TIME_OUTSIDE_INTERVAL = "event_time_outside_interval"
DENSE_MISSING = "dense_missing"
DENSE_NOT_FINITE = "dense_not_finite"
ID_MISSING = "id_missing"
ID_NOT_INTEGER = "id_not_integer"
ID_OUT_OF_RANGE = "id_out_of_range"

REASONS = (
    LABEL_MISSING,
    LABEL_NOT_BINARY,
    EVENT_TIME_MISSING,
    EVENT_TIME_OUTSIDE_INTERVAL,
    DENSE_MISSING,
    DENSE_NOT_FINITE,
    ID_MISSING,
    ID_NOT_INTEGER,
    ID_OUT_OF_RANGE,
)

Finding = tuple[str, np.ndarray]  # a reason, and the records that it applies to (B,) bool


def find_reasons(batch: pa.RecordBatch, config: PipelineConfig, interval: Interval) -> np.ndarray:
    """`(B,)` int8: 0 for an example, i for `REASONS[i - 1]`."""
    worst = len(REASONS) + 1
    codes = np.full(batch.num_rows, worst, dtype=np.int8)
    for reason, applies in _findings(batch, config, interval):
        code = REASONS.index(reason) + 1
        codes[applies & (codes > code)] = code
    return np.where(codes == worst, 0, codes).astype(np.int8)


def refused_for_fields(batch: pa.RecordBatch, fields: Sequence[Field]) -> np.ndarray:
    """`(B,)` bool: records in which one of the fields holds no row of its table."""
    refused = np.zeros(batch.num_rows, dtype=bool)
    for _, applies in _fields_findings(batch, fields):
        refused |= applies
    return refused


def count_reasons(codes: np.ndarray) -> dict[str, int]:
    """Records by reason, in the order of `REASONS`; reasons that do not occur are left out."""
    counts = np.bincount(codes, minlength=len(REASONS) + 1)[1:]
    return {reason: int(n) for reason, n in zip(REASONS, counts, strict=True) if n}


def _findings(
    batch: pa.RecordBatch, config: PipelineConfig, interval: Interval
) -> Iterator[Finding]:
    label = plain(batch.column(config.label.column))
    yield from _label_findings(label)
    time = plain(batch.column(config.event_time.column))
    yield EVENT_TIME_MISSING, is_null(time)
    yield EVENT_TIME_OUTSIDE_INTERVAL, ~is_inside(time, config.event_time, interval)
    for feature in config.dense_features:
        yield from _dense_findings(plain(batch.column(feature.column)), feature)
    yield from _fields_findings(batch, config.fields)


def _fields_findings(batch: pa.RecordBatch, fields: Sequence[Field]) -> Iterator[Finding]:
    for field in fields:
        if field.encoding == "identity":
            yield from _identity_findings(batch.column(field.column), field)


def _label_findings(label: pa.Array) -> Iterator[Finding]:
    values = as_floats(label, fill=0.0)
    yield LABEL_MISSING, is_null(label)
    yield LABEL_NOT_BINARY, (values != 0.0) & (values != 1.0)


def _dense_findings(column: pa.Array, feature: DenseFeature) -> Iterator[Finding]:
    if feature.fill is None:
        yield DENSE_MISSING, is_null(column)
    yield DENSE_NOT_FINITE, ~np.isfinite(dense_values(column, feature))


def _identity_findings(column: pa.Array, field: Field) -> Iterator[Finding]:
    """A record is refused if one of its values is."""
    jagged = field_values(column, field)
    ids = integers(jagged.values)
    missing = is_null(jagged.values)
    not_integer = is_null(ids) & ~missing
    rows = ids.fill_null(0).to_numpy()
    outside = (rows < 0) | (rows >= field.num_embeddings)
    record = np.repeat(np.arange(len(column)), jagged.lengths)
    for reason, applies in (
        (ID_MISSING, missing),
        (ID_NOT_INTEGER, not_integer),
        (ID_OUT_OF_RANGE, outside),
    ):
        yield reason, np.bincount(record[applies], minlength=len(column)) > 0
