"""Event times for logs that have none."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from shark_core.interval import Interval
from shark_core.schemas import EVENT_TIME

DAY_MICROSECONDS = 86_400_000_000


def spread_over_day(day: date, first: int, count: int, total: int) -> pa.Array:
    """Times (count,) of the rows `first …` out of `total`, which lie evenly in `[day, day + 1)`."""
    start = int(Interval.of_day(day).start.timestamp()) * 1_000_000
    places = np.arange(first, first + count, dtype=np.float64)  # (count,)
    times = start + (places * (DAY_MICROSECONDS / total)).astype(np.int64)  # (count,)
    return pa.array(times).cast(EVENT_TIME)
