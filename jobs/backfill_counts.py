"""backfill-counts: traffic of past days → access counts of fields that the days' examples lack.

Each (field, day) is committed as soon as its day is counted: an interrupted backfill goes on where
it stopped. The next `update-priorities` adds the days to the fields' priorities.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from pyspark import SparkContext

from jobs.context import DayContext, JobResult, commit_together, log, some_of
from shark_core.access.backfill import count_past_day
from shark_core.access.backfill_survey import MissingCounts, Survey, survey
from shark_core.access.count_files import FieldOutput
from shark_core.access.past_traffic import PastTraffic, inspect_traffic
from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import DataError, RetryableError
from shark_core.interval import Interval
from shark_core.lake import Lake, Marker
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES
from shark_core.spark.context import spark_context


@dataclass(frozen=True)
class Backfill:
    """`fields` on the days of `interval`, a half-open interval of whole days."""

    config: PipelineConfig
    fields: tuple[Field, ...]
    interval: Interval
    run_id: str = ""

    @property
    def lake(self) -> Lake:
        return Lake(self.config.lake)


def backfill_counts(backfill: Backfill, dry_run: bool = False) -> JobResult:
    started = time.monotonic()
    found = survey(backfill.lake, backfill.config, backfill.fields, backfill.interval.days)
    _warn(backfill, found)
    markers = [] if dry_run or not found.missing else _count_days(backfill, found.missing)
    figures = _figures(found, markers)
    if markers:
        message = "backfill-counts: %d records in, %d rows out, %d bytes, %.1f s"
        records = sum(each.examples.facts["records"] for each in found.missing)
        seconds = time.monotonic() - started
        log.info(message, records, figures["rows"], figures["bytes"], seconds)
    verb = "would be counted" if dry_run else "counted"
    missing = sum(len(each.fields) for each in found.missing)
    return JobResult(f"{missing:,} missing (field, day) partitions {verb}", figures)


def _warn(backfill: Backfill, found: Survey) -> None:
    """Days that are left out are said, and all of them left out is an error."""
    if len(found.without_examples) == len(backfill.interval.days):
        raise DataError(
            "none of the days has examples",
            expected=f"days in {backfill.interval} that were ingested",
            found="none",
            where=backfill.lake.location(EXAMPLES.name),
            remedy="check --start and --end; run `python -m jobs ingest` for days that are missing",
        )
    if found.without_examples:
        log.warning("left out, no examples: %s", some_of(found.without_examples))
    if found.left:
        pairs = some_of([f"{field} {day}" for day, field in found.left])
        log.warning("left to count-accesses, the examples have the field: %s", pairs)


def _figures(found: Survey, markers: Sequence[Marker]) -> dict[str, object]:
    return {
        "missing": _readable(found.missing),
        "counted_before": len(found.counted),
        "left_to_count_accesses": len(found.left),
        "days_without_examples": len(found.without_examples),
        "accesses": sum(
            marker.facts["positives"] + marker.facts["negatives"] for marker in markers
        ),
        "rows": sum(marker.rows for marker in markers),
        "bytes": sum(marker.bytes for marker in markers),
    }


def _readable(missing: Sequence[MissingCounts]) -> dict[str, str]:
    """By days in a row that miss the same fields."""
    runs = groupby(missing, key=lambda each: [field.name for field in each.fields])
    return {_days([each.day for each in run]): some_of(names) for names, run in runs}


def _days(days: Sequence[date]) -> str:
    first, last = days[0], days[-1]
    return str(first) if len(days) == 1 else f"{first} to {last} ({len(days)} days)"


def _count_days(backfill: Backfill, missing: Sequence[MissingCounts]) -> list[Marker]:
    spark = spark_context(backfill.config.spark, "backfill-counts")
    traffic = inspect_traffic(spark, backfill.lake, backfill.config, missing)
    return [
        marker
        for each, of_day in zip(missing, traffic, strict=True)
        for marker in _count_day(backfill, spark, each, of_day)
    ]


def _count_day(
    backfill: Backfill, spark: SparkContext, missing: MissingCounts, traffic: PastTraffic
) -> list[Marker]:
    context = DayContext(backfill.config, missing.day, backfill.run_id)
    label = backfill.config.label.column
    with ExitStack() as attempt:
        writers = {
            field.name: attempt.enter_context(context.writer(ACCESS_COUNTS, field=field.name))
            for field in missing.fields
        }
        outputs = {
            field.name: FieldOutput(field, writers[field.name].files) for field in missing.fields
        }
        with _of_the_same_examples(context, missing):
            past = count_past_day(spark, context.lake, label, missing, traffic, outputs)
        message = "%s: %d examples, %d of them unfit for the fields"
        log.info(message, missing.day, past.examples, past.unfit)
        for name, counts in past.fields.items():
            writers[name].add(counts.entries)
        return commit_together(
            (writers[name], missing.inputs_of(counts.field), {**counts.facts, "unfit": past.unfit})
            for name, counts in past.fields.items()
        )


@contextmanager
def _of_the_same_examples(context: DayContext, missing: MissingCounts) -> Iterator[None]:
    """Raises `RetryableError` where the day was ingested again since it was surveyed.

    What looks wrong of the examples that were may be right of those that are.
    """
    try:
        yield
    except DataError as error:
        _check_examples(context, missing, error)
        raise
    _check_examples(context, missing)


def _check_examples(
    context: DayContext, missing: MissingCounts, cause: DataError | None = None
) -> None:
    present = context.lake.find_marker(context.partition(EXAMPLES))
    if present is None or present.fingerprint != missing.inputs["examples"]:
        raise RetryableError(
            "the day was ingested again while its traffic was counted; its counts are dropped",
            expected=f"examples {missing.inputs['examples']}",
            found="none" if present is None else f"examples {present.fingerprint}",
            where=context.lake.location(context.partition(EXAMPLES).path),
            remedy="run the command again: it counts what is missing then",
        ) from cause
