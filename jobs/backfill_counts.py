"""backfill-counts: traffic of past days → access counts of fields that the days' examples lack.

Each (field, day) is committed as soon as its day is counted: an interrupted backfill goes on where
it stopped. The next `update-priorities` adds the days to the fields' priorities.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from pyspark import SparkContext

from jobs.backfilling import Backfill, of_the_same_examples, say_without_examples, work_ahead
from jobs.context import JobResult, commit_together, log, some_of
from shark_core.access.backfill import count_past_day
from shark_core.access.backfill_survey import Survey, survey
from shark_core.access.count_files import FieldOutput
from shark_core.access.past_days import PastDay
from shark_core.access.past_traffic import PastTraffic, inspect_traffic
from shark_core.lake import Marker
from shark_core.schemas import ACCESS_COUNTS
from shark_core.spark.context import spark_context


def backfill_counts(backfill: Backfill, dry_run: bool = False) -> JobResult:
    started = time.monotonic()
    found = survey(backfill.lake, backfill.config, backfill.fields, backfill.interval.days)
    _warn(backfill, found)
    ahead = work_ahead(backfill, found.missing)
    markers = [] if dry_run or not found.missing else _count_days(backfill, found.missing)
    figures = {**ahead, **_figures(found, markers)}
    if markers:
        message = "backfill-counts: %d records in, %d rows out, %d bytes, %.1f s"
        seconds = time.monotonic() - started
        log.info(message, figures["records"], figures["rows"], figures["bytes"], seconds)
    verb = "would be counted" if dry_run else "counted"
    missing = sum(len(each.fields) for each in found.missing)
    return JobResult(f"{missing:,} missing (field, day) partitions {verb}", figures)


def _warn(backfill: Backfill, found: Survey) -> None:
    say_without_examples(backfill, found.without_examples)
    if found.left:
        pairs = some_of([f"{field} {day}" for day, field in found.left])
        log.warning("left to count-accesses, the examples have the field: %s", pairs)


def _figures(found: Survey, markers: Sequence[Marker]) -> dict[str, int]:
    return {
        "counted_before": len(found.counted),
        "left_to_count_accesses": len(found.left),
        "days_without_examples": len(found.without_examples),
        "accesses": sum(
            marker.facts["positives"] + marker.facts["negatives"] for marker in markers
        ),
        "rows": sum(marker.rows for marker in markers),
        "bytes": sum(marker.bytes for marker in markers),
    }


def _count_days(backfill: Backfill, missing: Sequence[PastDay]) -> list[Marker]:
    spark = spark_context(backfill.config.spark, "backfill-counts")
    traffic = inspect_traffic(spark, backfill.lake, backfill.config, missing)
    return [
        marker
        for each, of_day in zip(missing, traffic, strict=True)
        for marker in _count_day(backfill, spark, each, of_day)
    ]


def _count_day(
    backfill: Backfill, spark: SparkContext, missing: PastDay, traffic: PastTraffic
) -> list[Marker]:
    context, lake = backfill.context(missing.day), backfill.lake
    label = backfill.config.label.column
    with ExitStack() as attempt:
        writers = {
            field.name: attempt.enter_context(context.writer(ACCESS_COUNTS, field=field.name))
            for field in missing.fields
        }
        outputs = {
            field.name: FieldOutput(field, writers[field.name].files) for field in missing.fields
        }
        with of_the_same_examples(lake, missing):
            past = count_past_day(spark, lake, label, missing, traffic, outputs)
        message = "%s: %d examples, %d of them unfit for the fields"
        log.info(message, missing.day, past.examples, past.unfit)
        for name, counts in past.fields.items():
            writers[name].add(counts.entries)
        return commit_together(
            (writers[name], missing.inputs_of(counts.field), {**counts.facts, "unfit": past.unfit})
            for name, counts in past.fields.items()
        )
