"""Plain columns as NumPy arrays: labels, dense features and event times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from pyarrow import types

from shark_core.config_sections import DenseFeature, EventTime
from shark_core.interval import Interval

TICKS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda values: values,
    "signed_log1p": lambda values: np.sign(values) * np.log1p(np.abs(values)),
}


def is_null(column: pa.Array) -> np.ndarray:
    """`(B,)` bool."""
    return column.is_null().to_numpy(zero_copy_only=False)


def as_floats(column: pa.Array, fill: float) -> np.ndarray:
    """`(B,)` float64, nulls filled."""
    return column.cast(pa.float64(), safe=False).fill_null(fill).to_numpy(zero_copy_only=False)


def dense_values(column: pa.Array, feature: DenseFeature) -> np.ndarray:
    """`(B,)` float32: nulls filled (by 0 where the feature has no fill), then transformed.

    What was not finite, or is not in float32, is not finite here either.
    """
    raw = as_floats(column, 0.0 if feature.fill is None else feature.fill)
    with np.errstate(over="ignore", invalid="ignore"):
        return TRANSFORMS[feature.transform](raw).astype(np.float32)


def is_inside(column: pa.Array, time: EventTime, interval: Interval) -> np.ndarray:
    """Whether each event time lies in the interval `(B,)` bool; compared in the column's unit.

    Scaling to microseconds first would overflow for wrong units, the commonest mistake of all.
    """
    ticks, a_second = _ticks(column, time)
    start, end = (int(edge.timestamp()) * a_second for edge in (interval.start, interval.end))
    return (ticks >= start) & (ticks < end)


def event_microseconds(column: pa.Array, time: EventTime) -> np.ndarray:
    """`(B,)` int64 since 1970, in UTC, for times that are inside; nanoseconds are cut off."""
    ticks, a_second = _ticks(column, time)
    if a_second > 10**6:
        return ticks // (a_second // 10**6)
    return ticks * (10**6 // a_second)


def _ticks(column: pa.Array, time: EventTime) -> tuple[np.ndarray, int]:
    """Integers since 1970, nulls as 0, and how many make a second. A naive timestamp is UTC."""
    unit = column.type.unit if types.is_timestamp(column.type) else time.unit
    integers = column.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False)
    return integers, TICKS_A_SECOND.get(unit, 1)
