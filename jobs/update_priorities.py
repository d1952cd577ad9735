"""update-priorities: priorities of the day before + the day's counts → the day's priorities.

A field starts from zero on its first day, and again where the config left it out the day before.
Otherwise every day builds on the one before: a gap is an error, because the recurrence would
silently skip a day's decay and counts.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import date, timedelta

from jobs.context import DayContext, JobResult, log
from shark_core.access.access_tasks import PriorityTask, update_field
from shark_core.errors import DataError
from shark_core.lake import Marker, partition
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, ROW_PRIORITY
from shark_core.spark.context import spark_context
from shark_core.spark.tasks import run_tasks


def update_priorities(context: DayContext) -> JobResult:
    started = time.monotonic()
    names = [field.name for field in context.config.fields]
    counts = [_counts(context, name) for name in names]
    previous = [_previous(context, name) for name in names]
    markers = _update(context, names, counts, previous)
    rows_in = sum(marker.rows for marker in [*counts, *filter(None, previous)])
    rows = sum(marker.rows for marker in markers)
    size = sum(marker.bytes for marker in markers)
    message = "update-priorities: %d rows in, %d rows out, %d bytes, %.1f s"
    log.info(message, rows_in, rows, size, time.monotonic() - started)
    new = sum(marker is None for marker in previous)
    return JobResult(
        f"priorities of {rows:,} rows on {context.day}",
        {"fields": len(names), "fields_from_zero": new, "rows": rows, "bytes": size},
    )


def _counts(context: DayContext, name: str) -> Marker:
    """The field's counts; `DataError` where they were made from other examples than the day's."""
    counts = context.marker(ACCESS_COUNTS, field=name)
    examples = context.marker(EXAMPLES).fingerprint
    if counts.inputs.get("examples") != examples:
        raise DataError(
            f"the access counts of field {name!r} are older than the day's examples",
            expected=f"counts of examples {examples}",
            found=f"counts of examples {counts.inputs.get('examples')}",
            where=context.lake.location(context.partition(ACCESS_COUNTS, field=name).path),
            remedy="run `python -m jobs count-accesses` for this day again",
        )
    return counts


def _previous(context: DayContext, name: str) -> Marker | None:
    """The field's priorities of the day before; None on its first day."""
    before = context.day - timedelta(days=1)
    found = context.lake.find_marker(partition(ROW_PRIORITY, before, field=name))
    if found is not None:
        return found
    earlier = [day for day in _days_with_priorities(context, name) if day < context.day]
    if earlier and not _was_left_out(context, name, before):
        raise DataError(
            f"the priorities of field {name!r} have a gap",
            expected=f"priorities of {before}, the day before",
            found=f"priorities up to {earlier[-1]}",
            where=context.lake.location(ROW_PRIORITY.name),
            remedy=f"run `python -m jobs update-priorities` for {earlier[-1] + timedelta(days=1)} "
            f"and every day after it, in order",
        )
    return None


def _was_left_out(context: DayContext, name: str, day: date) -> bool:
    """Whether a day was counted without the field: other fields have counts, this one has none."""
    lake = context.lake
    if lake.find_marker(partition(ACCESS_COUNTS, day, field=name)) is not None:
        return False
    others = (field.name for field in context.config.fields if field.name != name)
    return any(lake.find_marker(partition(ACCESS_COUNTS, day, field=other)) for other in others)


def _days_with_priorities(context: DayContext, name: str) -> list[date]:
    lake = context.lake
    return [
        day
        for day in lake.days(ROW_PRIORITY)
        if lake.find_marker(partition(ROW_PRIORITY, day, field=name)) is not None
    ]


def _update(
    context: DayContext, names: list[str], counts: list[Marker], previous: list[Marker | None]
) -> list[Marker]:
    spark = spark_context(context.config.spark, "update-priorities")
    with ExitStack() as attempt:
        writers = [
            attempt.enter_context(context.writer(ROW_PRIORITY, field=name)) for name in names
        ]
        tasks = [
            PriorityTask(
                context.lake, context.config.priority, _paths(before), _paths(day), writer.files
            )
            for before, day, writer in zip(previous, counts, writers, strict=True)
        ]
        entries = run_tasks(spark, tasks, update_field)
        markers = []
        for writer, entry, before, day in zip(writers, entries, previous, counts, strict=True):
            writer.add([entry])
            start = before.fingerprint if before else "zero"
            inputs = {"access_counts": day.fingerprint, "row_priority of the day before": start}
            markers.append(writer.commit(inputs))
    return markers


def _paths(marker: Marker | None) -> tuple[str, ...]:
    return tuple(entry.path for entry in marker.files) if marker else ()
