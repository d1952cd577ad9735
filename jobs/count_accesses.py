"""count-accesses: examples → (row, positives, negatives), one partition and one task a field."""

from __future__ import annotations

import time
from contextlib import ExitStack

from jobs.context import DayContext, JobResult, log
from shark_core.access.access_tasks import CountTask, count_field
from shark_core.lake import Marker
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES
from shark_core.spark.context import spark_context
from shark_core.spark.tasks import run_tasks


def count_accesses(context: DayContext) -> JobResult:
    started = time.monotonic()
    examples = context.marker(EXAMPLES)
    markers = _count(context, examples)
    rows = sum(marker.rows for marker in markers)
    size = sum(marker.bytes for marker in markers)
    seconds = time.monotonic() - started
    message = "count-accesses: %d examples in, %d rows out, %d bytes, %.1f s"
    log.info(message, examples.rows, rows, size, seconds)
    accesses = sum(marker.facts["positives"] + marker.facts["negatives"] for marker in markers)
    return JobResult(
        f"{accesses:,} accesses of {rows:,} rows on {context.day}",
        {"fields": len(markers), "accesses": accesses, "rows": rows, "bytes": size},
    )


def _count(context: DayContext, examples: Marker) -> list[Marker]:
    fields = context.config.fields
    paths = tuple(entry.path for entry in examples.files)
    spark = spark_context(context.config.spark, "count-accesses")
    with ExitStack() as attempt:
        writers = [
            attempt.enter_context(context.writer(ACCESS_COUNTS, field=field.name))
            for field in fields
        ]
        tasks = [
            CountTask(context.lake, field, paths, writer.files)
            for field, writer in zip(fields, writers, strict=True)
        ]
        markers = []
        for writer, counted in zip(writers, run_tasks(spark, tasks, count_field), strict=True):
            writer.add([counted.entry])
            facts = {"positives": counted.positives, "negatives": counted.negatives}
            markers.append(writer.commit({"examples": examples.fingerprint}, facts))
    return markers
