"""Examples of a day that was ingested without fields, completed by them from its traffic, on Spark.

the day's examples   label  field_user               split 0 ─┐
its traffic                             city    →    split 1 ─┼─→  label  field_user  field_city
                                                     split 2 ─┘
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark import SparkContext

from shark_core.access.completed_schema import completed_schema
from shark_core.access.completion_tasks import CompletedSplit, CompletionTask, complete_split
from shark_core.access.example_runs import deal_out
from shark_core.access.examples_survey import BACKFILLED, reading_of
from shark_core.access.past_days import PastDay
from shark_core.access.past_splits import past_splits
from shark_core.access.past_traffic import PastTraffic, check_same_traffic
from shark_core.config import PipelineConfig
from shark_core.lake import FileEntry, Lake, partition
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import TRAFFIC
from shark_core.spark.batches import run_in_batches
from shark_core.traffic.tally import Tally, check_day


@dataclass(frozen=True)
class CompletedDay:
    """`unfit`: examples that the day had, and that are left out for one of the fields."""

    past: PastDay
    entries: tuple[FileEntry, ...]
    positives: int
    unfit: int

    @property
    def examples(self) -> int:
        return sum(entry.rows for entry in self.entries)

    @property
    def facts(self) -> dict[str, Any]:
        """As `ingest` notes them: `records = examples + quarantined + unfit`."""
        before, fields = self.past.examples.facts, self.past.fields
        assignments = {field.name: field.row_assignment for field in fields}
        return {
            **before,
            "examples": self.examples,
            "positives": self.positives,
            "unfit": self.unfit,
            "row_assignments": {**before.get("row_assignments", {}), **assignments},
            BACKFILLED: {field.name: reading_of(field) for field in fields},
        }


def complete_past_day(
    spark: SparkContext,
    lake: Lake,
    config: PipelineConfig,
    past: PastDay,
    traffic: PastTraffic,
    files: AttemptFiles,
) -> CompletedDay:
    """Raises `DataError` where the traffic is not what the day's examples were made from, and where
    the fields leave a day that `ingest` would have refused.
    """
    tasks = _tasks(lake, config, past, traffic, files)
    stage = f"complete {past.day}"
    done = list(run_in_batches(spark, tasks, complete_split, stage, "records"))
    completed = _added_up(past, done)
    _check(lake, config, completed)
    return completed


def _tasks(
    lake: Lake,
    config: PipelineConfig,
    past: PastDay,
    traffic: PastTraffic,
    files: AttemptFiles,
) -> list[CompletionTask]:
    splits = list(past_splits(lake, config.label.column, past, traffic))
    shares = [split.examples for split in splits]
    check_same_traffic(lake, past, "examples", past.examples.rows, sum(shares))
    schema = completed_schema(past.schema, config, past.fields)
    vocabularies = {name: known.paths for name, known in past.vocabularies.items()}
    return [
        CompletionTask(split, past.fields, vocabularies, runs, schema, files)
        for split, runs in zip(splits, deal_out(past.examples.files, shares), strict=True)
    ]


def _added_up(past: PastDay, done: Sequence[CompletedSplit]) -> CompletedDay:
    return CompletedDay(
        past=past,
        entries=tuple(split.entry for split in done if split.entry),
        positives=sum(split.positives for split in done),
        unfit=sum(split.unfit for split in done),
    )


def _check(lake: Lake, config: PipelineConfig, completed: CompletedDay) -> None:
    facts = completed.facts
    refused = {**facts["quarantined"], "unfit for the fields": completed.unfit}
    day = Tally(facts["records"], completed.examples, completed.positives, refused)
    where = lake.location(partition(TRAFFIC, completed.past.day).path)
    check_day(day, config.ingest.max_quarantined_share, where, config.label.column)
