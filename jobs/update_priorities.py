"""update-priorities: an earlier day's priorities + counts since → the day's priorities.

Usually the state of the day before and the day's counts; a late, recounted or missing day changes
which state and which counts (`shark_core.access.priority_plan`). Nothing is refused but a day
whose own counts are missing, or not of its present examples and tables.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from itertools import chain, islice
from typing import Any

from pyspark import SparkContext

from jobs.context import NAMED, DayContext, JobResult, commit_together, log, some_of
from shark_core.access.priority_inputs import FieldPlan, PlanTask, plan_field
from shark_core.access.priority_plan import unsettled
from shark_core.access.priority_tasks import (
    check_every_row,
    update_range,
    update_tasks,
)
from shark_core.lake import Marker
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, ROW_PRIORITY
from shark_core.spark.batches import run_in_batches
from shark_core.spark.context import spark_context


def update_priorities(context: DayContext) -> JobResult:
    started = time.monotonic()
    spark = spark_context(context.config.spark, "update-priorities")
    plans = list(run_in_batches(spark, _plan_tasks(context), plan_field, "plan", "fields"))
    _warn(plans)
    markers = _update(context, spark, plans)
    figures = _figures(plans, markers) | {"seconds": round(time.monotonic() - started, 1)}
    message = (
        "update-priorities: %(rows_in)d rows in, %(rows)d rows out, %(dropped)d dropped below the "
        "floor, %(bytes)d bytes, %(seconds).1f s"
    )
    log.info(message, figures)
    return JobResult(f"priorities of {figures['rows']:,} rows on {context.day}", figures)


def _plan_tasks(context: DayContext) -> list[PlanTask]:
    lake, day, settings = context.lake, context.day, context.config.priority
    examples = context.marker(EXAMPLES).fingerprint
    counted, updated = (
        tuple(known for known in unsettled(lake.days(dataset), day, settings.decay) if known < day)
        for dataset in (ACCESS_COUNTS, ROW_PRIORITY)
    )
    return [
        PlanTask(lake, field, day, examples, settings, counted, updated)
        for field in context.config.fields
    ]


def _update(context: DayContext, spark: SparkContext, plans: Sequence[FieldPlan]) -> list[Marker]:
    settings = context.config.priority
    with ExitStack() as attempt:
        writers = [
            attempt.enter_context(context.writer(ROW_PRIORITY, field=plan.field.name))
            for plan in plans
        ]
        tasks = [
            update_tasks(plan, context.day, settings, writer.files)
            for plan, writer in zip(plans, writers, strict=True)
        ]
        updated_ranges = run_in_batches(spark, chain(*tasks), update_range, "update", "rows")
        parts = [list(islice(updated_ranges, len(ranges))) for ranges in tasks]
        for plan, writer, updated in zip(plans, writers, parts, strict=True):
            check_every_row(plan, updated)
            writer.add(part.entry for part in updated)
        dropped = [sum(part.dropped for part in updated) for updated in parts]
        return commit_together(
            (writer, plan.inputs, plan.plan.facts | {"dropped": rows})
            for plan, writer, rows in zip(plans, writers, dropped, strict=True)
        )


def _figures(plans: Sequence[FieldPlan], markers: Sequence[Marker]) -> dict[str, Any]:
    """Days are counted once, however many fields they concern."""
    return {
        "fields": len(plans),
        "fields_from_zero": sum(not plan.base for plan in plans),
        "rows_in": sum(plan.rows for plan in plans),
        "rows": sum(marker.rows for marker in markers),
        "dropped": sum(marker.facts["dropped"] for marker in markers),
        "bytes": sum(marker.bytes for marker in markers),
        "late_days": len({day for plan in plans for day in plan.plan.late}),
        "recounted_days": len({day for plan in plans for day in plan.plan.recounted}),
        "missing_days": len({day for plan in plans for day in plan.plan.missing}),
        "other_table_days": len({day for plan in plans for day in plan.plan.other_table}),
    }


def _warn(plans: Sequence[FieldPlan]) -> None:
    _warn_of(
        "field %s has no counts of %s; they are taken when they come",
        {plan.field.name: plan.plan.missing for plan in plans},
        "days are missing for %d fields in all",
    )
    _warn_of(
        "field %s had another table when %s were counted; to take them, run `python -m jobs "
        "ingest`, then `count-accesses`, for these days again (or `backfill-counts`, where their "
        "examples lack the field)",
        {plan.field.name: plan.plan.other_table for plan in plans},
        "days are of another table for %d fields in all",
    )


def _warn_of(message: str, days: Mapping[str, Sequence[date]], in_all: str) -> None:
    """`days`: by field, those that the message is about."""
    concerned = [field for field in days if days[field]]
    for field in concerned[:NAMED]:
        log.warning(f"update-priorities: {message}", field, some_of(days[field]))
    if len(concerned) > NAMED:
        log.warning(f"update-priorities: {in_all}", len(concerned))
