"""backfill-counts: traffic of past days → access counts of fields that the days' examples lack.

Each (field, day) is committed as soon as its day is counted: an interrupted backfill goes on where
it stopped. The next `update-priorities` adds the days to the fields' priorities.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark import SparkContext

from jobs.context import DayContext, JobResult, commit_together, log
from shark_core.access.backfill import count_past_day, traffic_layouts
from shark_core.access.backfill_survey import MissingCounts, Survey, survey
from shark_core.access.count_files import FieldOutput
from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.interval import Interval
from shark_core.lake import Lake, Marker
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES
from shark_core.spark.context import spark_context
from shark_core.traffic.traffic_files import FileLayout


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
    found = survey(backfill.lake, backfill.fields, backfill.interval.days)
    _warn(backfill, found)
    started = time.monotonic()
    markers = [] if dry_run or not found.missing else _count_days(backfill, found.missing)
    figures = _figures(found, markers)
    if markers:
        message = "backfill-counts: %d records in, %d rows out, %d bytes, %.1f s"
        records = sum(each.examples.facts["records"] for each in found.missing)
        seconds = time.monotonic() - started
        log.info(message, records, figures["rows"], figures["bytes"], seconds)
    pairs = sum(len(each.fields) for each in found.missing)
    verb = "would be counted" if dry_run else "counted"
    return JobResult(f"{pairs} missing (field, day) partitions {verb}", figures)


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
        log.warning("left out, no examples: %s", ", ".join(map(str, found.without_examples)))
    if found.left:
        pairs = ", ".join(f"{field} {day}" for day, field in found.left)
        log.warning("left to count-accesses, the examples have the field: %s", pairs)


def _figures(found: Survey, markers: Sequence[Marker]) -> dict[str, object]:
    return {
        "missing": {str(each.day): [field.name for field in each.fields] for each in found.missing},
        "counted_before": len(found.counted),
        "left_to_count_accesses": len(found.left),
        "days_without_examples": len(found.without_examples),
        "accesses": sum(
            marker.facts["positives"] + marker.facts["negatives"] for marker in markers
        ),
        "rows": sum(marker.rows for marker in markers),
        "bytes": sum(marker.bytes for marker in markers),
    }


def _count_days(backfill: Backfill, missing: Sequence[MissingCounts]) -> list[Marker]:
    spark = spark_context(backfill.config.spark, "backfill-counts")
    layouts = traffic_layouts(spark, backfill.lake, backfill.config, missing)
    return [
        marker
        for each, files in zip(missing, layouts, strict=True)
        for marker in _count_day(backfill, spark, each, files)
    ]


def _count_day(
    backfill: Backfill, spark: SparkContext, missing: MissingCounts, files: Sequence[FileLayout]
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
        counted, seen = count_past_day(spark, context.lake, label, missing, files, outputs)
        log.info(
            "%s: %d examples, %d of them unfit for the fields",
            missing.day,
            seen.examples,
            seen.unfit,
        )
        for name, counts in counted.items():
            writers[name].add(counts.entries)
        inputs = {
            "examples": missing.examples.fingerprint,
            "traffic": missing.examples.inputs["traffic"],
        }
        return commit_together(
            (writers[name], inputs, {**counts.facts, "unfit": seen.unfit})
            for name, counts in counted.items()
        )
