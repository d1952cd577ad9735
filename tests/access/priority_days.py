"""Days of real jobs in a lake, and a dense loop over their counts to hold priorities against."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.context import DayContext, JobResult
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from jobs.update_priorities import update_priorities
from shark_core.lake import partition
from shark_core.schemas import ACCESS_COUNTS, ROW_PRIORITY, ROW_PRIORITY_SCHEMA
from tests.traffic.day_lake import (
    DAY,
    context_of,
    next_day,
    records,
    table_of,
    tiny_config,
    write_traffic,
)

FIELDS = ["user", "ad", "tags"]
EXACT = {"priority": {"positive_weight": 2.0, "decay": 0.2, "floor": 0.0}}


def day(number: int) -> date:
    """Day 1, day 2, …"""
    return next_day(DAY, number - 1)


def fields(*names: str) -> list[dict[str, Any]]:
    return [tiny_config().field(name).model_dump() for name in names]


def bring(lake: Path, number: int, seed: int = 0, **changes: Any) -> DayContext:
    """A day of traffic, ingested; `changes` of the config."""
    context = context_of(lake, day(number), **{"fields": fields(*FIELDS), **changes})
    write_traffic(lake, records(240, context.day, seed), context.day)
    ingest(context)
    return context


def count_and_update(context: DayContext) -> JobResult:
    count_accesses(context)
    return update_priorities(context)


def at(context: DayContext, *names: str) -> DayContext:
    """The same day under a config with other fields."""
    return context_of(Path(context.config.lake), context.day, fields=fields(*names))


def days_of(result: JobResult) -> dict[str, int]:
    """The figures of days that are not as usual, without those that are none."""
    kinds = ("late", "recounted", "missing", "other_table")
    return {kind: n for kind in kinds if (n := result.figures[f"{kind}_days"])}


def found(context: DayContext, name: str) -> dict[int, float]:
    table = table_of(context, ROW_PRIORITY, field=name)
    assert table.schema == ROW_PRIORITY_SCHEMA
    rows = table["row_id"].to_pylist()
    assert rows == sorted(set(rows))
    return dict(zip(rows, table["priority"].to_pylist(), strict=True))


def replayed(context: DayContext, name: str, rows: int = 101, first: int = 1) -> dict[int, float]:
    """The recurrence over all rows and every calendar day, from the counts that are there now."""
    settings = context.config.priority
    total, read = np.zeros(rows), np.zeros(rows, dtype=bool)
    for number in range(first, (context.day - DAY).days + 2):
        total *= 1.0 - settings.decay
        for row, positives, negatives in counts_of(context, day(number), name):
            total[row] += settings.decay * (settings.positive_weight * positives + negatives)
            read[row] = True
    return {int(row): float(total[row]) for row in np.flatnonzero(read)}


def counts_of(context: DayContext, on: date, name: str) -> list[tuple[int, int, int]]:
    source = partition(ACCESS_COUNTS, on, field=name)
    if context.lake.find_marker(source) is None:
        return []
    table: pa.Table = context.lake.read_table(source)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))
