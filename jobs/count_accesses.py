"""count-accesses: examples → (row, positives, negatives), one partition a field."""

from __future__ import annotations

import time
from contextlib import ExitStack

from jobs.context import DayContext, JobResult, commit_together, log
from shark_core.access.count_files import FieldOutput
from shark_core.access.counting import count_examples
from shark_core.errors import DataError
from shark_core.lake import Marker
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES
from shark_core.spark.context import spark_context


def count_accesses(context: DayContext) -> JobResult:
    started = time.monotonic()
    examples = context.marker(EXAMPLES)
    _check_row_assignments(context, examples)
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


def _check_row_assignments(context: DayContext, examples: Marker) -> None:
    """The same ids would pass for rows of another table; `ingest` says what its row ids mean."""
    known = examples.facts.get("row_assignments", {})
    for field in context.config.fields:
        if known.get(field.name, field.row_assignment) != field.row_assignment:
            raise DataError(
                f"the examples were made for another table of field {field.name!r}",
                expected=field.row_assignment,
                found=known[field.name],
                where=context.lake.location(context.partition(EXAMPLES).path),
                remedy="run `python -m jobs ingest` for this day again with the present config",
            )


def _count(context: DayContext, examples: Marker) -> list[Marker]:
    spark = spark_context(context.config.spark, "count-accesses")
    with ExitStack() as attempt:
        writers = {
            field.name: attempt.enter_context(context.writer(ACCESS_COUNTS, field=field.name))
            for field in context.config.fields
        }
        outputs = {
            field.name: FieldOutput(field, writers[field.name].files)
            for field in context.config.fields
        }
        counted = count_examples(spark, context.lake, examples.files, outputs)
        inputs = {"examples": examples.fingerprint}
        for name, counts in counted.items():
            writers[name].add(counts.entries)
        return commit_together(
            (writers[name], inputs, counts.facts) for name, counts in counted.items()
        )
