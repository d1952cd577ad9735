"""backfill-examples: examples and traffic of past days → examples that have fields of today.

    lake      examples/ds=… ─┬─→ examples/ds=… on a branch: the same examples, and the fields' rows
              traffic/ds=…  ─┘

The lake's own examples stay what they are; a training on the branch reads its days from there. Each
day is committed as soon as it is made, and none needs another: they may be run one by one, at the
same time, and an interrupted backfill goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pyspark import SparkContext

from jobs.backfilling import (
    Backfill,
    by_days,
    of_the_same_examples,
    say_without_examples,
    work_ahead,
)
from jobs.context import JobResult, log
from shark_core.access.completed_schema import Shortfall
from shark_core.access.completion import complete_past_day
from shark_core.access.examples_survey import ExamplesSurvey, survey_examples
from shark_core.access.past_days import PastDay
from shark_core.access.past_traffic import PastTraffic, inspect_traffic
from shark_core.errors import ConfigError
from shark_core.lake import Lake, Marker
from shark_core.schemas import EXAMPLES
from shark_core.spark.context import spark_context


def backfill_examples(backfill: Backfill, dry_run: bool = False) -> JobResult:
    """Raises `ConfigError` without a branch; `DataError` where none of the days has examples, a
    field has no vocabulary yet, or a day's traffic is not what it was.
    """
    started = time.monotonic()
    branch = _branch_of(backfill)
    found = survey_examples(branch, backfill.config, backfill.fields, backfill.interval.days)
    _warn(backfill, found)
    ahead = work_ahead(backfill, found.missing)
    markers = [] if dry_run or not found.missing else _complete_days(backfill, found.missing)
    figures = {**ahead, **_figures(found, markers)}
    if markers:
        message = "backfill-examples: %d records in, %d examples out, %d bytes, %.1f s"
        seconds = time.monotonic() - started
        log.info(message, figures["records"], figures["examples"], figures["bytes"], seconds)
    verb = "would be written" if dry_run else "written"
    days = f"examples of {len(found.missing):,} day(s)"
    return JobResult(f"{days} {verb} on branch {backfill.branch}", figures)


def _branch_of(backfill: Backfill) -> Lake:
    if not backfill.branch:
        raise ConfigError(
            "examples of past days are completed on a branch of the lake only",
            expected="a name of a branch",
            found="none",
            where="--branch",
            remedy="name one, such as --branch with-brand, and train with the same --branch",
        )
    return Lake(backfill.config.lake, backfill.branch)


def _warn(backfill: Backfill, found: ExamplesSurvey) -> None:
    say_without_examples(backfill, found.without_examples)
    _say_short(
        found,
        lambda short: short.fields,
        "%s: the examples lack other fields of the config too, %s: a training needs every one, "
        "name them in --fields as well",
    )
    _say_short(
        found,
        lambda short: short.others,
        "%s: columns are not as the config reads them, %s: for a training, ingest these days on "
        "the branch (`ingest --branch`) or take a config of that time",
    )


def _say_short(
    found: ExamplesSurvey, part: Callable[[Shortfall], Sequence[str]], message: str
) -> None:
    short = {day: part(each) for day, each in found.short.items() if part(each)}
    for days, names in by_days(dict(sorted(short.items()))).items():
        log.warning(message, days, names)


def _figures(found: ExamplesSurvey, markers: Sequence[Marker]) -> dict[str, object]:
    lacking = {day: short.fields for day, short in found.short.items() if short.fields}
    return {
        "made_before": len(found.made),
        "days_that_have_the_fields": len(found.complete),
        "days_without_examples": len(found.without_examples),
        "still_lacking": by_days(dict(sorted(lacking.items()))),
        "examples": sum(marker.rows for marker in markers),
        "unfit": sum(marker.facts["unfit"] for marker in markers),
        "bytes": sum(marker.bytes for marker in markers),
    }


def _complete_days(backfill: Backfill, missing: Sequence[PastDay]) -> list[Marker]:
    spark = spark_context(backfill.config.spark, "backfill-examples")
    traffic = inspect_traffic(spark, backfill.lake, backfill.config, missing)
    return [
        _complete_day(backfill, spark, each, of_day)
        for each, of_day in zip(missing, traffic, strict=True)
    ]


def _complete_day(
    backfill: Backfill, spark: SparkContext, past: PastDay, traffic: PastTraffic
) -> Marker:
    lake, config = backfill.lake, backfill.config
    with backfill.context(past.day).writer(EXAMPLES) as writer:
        with of_the_same_examples(lake, past):
            day = complete_past_day(spark, lake, config, past, traffic, writer.files)
        message = "%s: %d examples, %d more were unfit for the fields"
        log.info(message, past.day, day.examples, day.unfit)
        writer.add(day.entries)
        return writer.commit(past.inputs_of_all, day.facts)
