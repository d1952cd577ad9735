"""Counts of fields in the traffic of days that were ingested without them, on Spark."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from pyspark import SparkContext

from shark_core.access.backfill_survey import MissingCounts
from shark_core.access.count_files import FieldCounts
from shark_core.access.count_plan import plan_counts
from shark_core.access.counting import Outputs, add_up
from shark_core.access.traffic_count_tasks import (
    SeenRecords,
    TrafficCounts,
    TrafficCountTask,
    TrafficDay,
    count_traffic,
)
from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.schemas import QUARANTINE
from shark_core.spark.executors import cores
from shark_core.spark.progress import Stage
from shark_core.spark.tasks import run_tasks
from shark_core.traffic.traffic_files import FileLayout, file_layout, plan_splits, traffic_paths
from shark_core.traffic.vocabulary_store import vocabulary_for_the_past


def traffic_layouts(
    spark: SparkContext, lake: Lake, config: PipelineConfig, missing: Sequence[MissingCounts]
) -> list[list[FileLayout]]:
    """The traffic files of each day, looked at before anything is counted.

    Raises `DataError` where one lacks a field's column, or where a day has other records than when
    it was ingested.
    """
    paths = [traffic_paths(lake, each.day) for each in missing]
    narrow = [
        config.model_copy(update={"fields": each.absent, "dense_features": ()}) for each in missing
    ]
    tasks = [(config, path) for config, day in zip(narrow, paths, strict=True) for path in day]
    found = iter(run_tasks(spark, tasks, partial(_layout, lake), Stage("inspect", "files")))
    layouts = [[next(found) for _ in day] for day in paths]
    for each, files in zip(missing, layouts, strict=True):
        records = sum(sum(file.row_groups) for file in files)
        _check_unchanged(lake, each, "records", each.examples.facts["records"], records)
    return layouts


def _layout(lake: Lake, task: tuple[PipelineConfig, str]) -> FileLayout:
    config, path = task
    return file_layout(lake, config, path)


def count_past_day(
    spark: SparkContext,
    lake: Lake,
    label_column: str,
    missing: MissingCounts,
    files: Sequence[FileLayout],
    outputs: Outputs,
) -> tuple[dict[str, FieldCounts], SeenRecords]:
    """The day's counts, and the records that were looked at.

    Raises `DataError` where the traffic is not what the day's examples were made from.
    """
    day = TrafficDay(
        lake=lake,
        label_column=label_column,
        fields=missing.absent,
        vocabularies={
            field.name: vocabulary_for_the_past(lake, field, missing.day)
            for field in missing.fields
            if field.encoding == "vocabulary"
        },
        refused=_refused(lake, missing),
    )
    plan = plan_counts(missing.fields, plan_splits(files), cores(spark))
    tasks = [
        TrafficCountTask(
            day=day,
            outputs=tuple(outputs[field.name] for field in planned.fields),
            splits=planned.sources,
            number=planned.number,
            alone=planned.alone,
        )
        for planned in plan.tasks
    ]
    stage = Stage(f"count {missing.day}", "records", plan.shares)
    counted = [found for task in run_tasks(spark, tasks, count_traffic, stage) for found in task]
    seen = _seen(counted, missing.fields[0].name)
    facts = missing.examples.facts
    _check_unchanged(lake, missing, "examples", facts["examples"], seen.examples)
    _check_unchanged(lake, missing, "positives", facts["positives"], seen.positives)
    return add_up(spark, lake, (found.counts for found in counted), outputs), seen


def _seen(counted: Sequence[TrafficCounts], field: str) -> SeenRecords:
    """Every field is counted in the same records: one of them is enough."""
    total = SeenRecords()
    for found in counted:
        if found.counts.field.name == field:
            total.examples += found.seen.examples
            total.positives += found.seen.positives
            total.unfit += found.seen.unfit
    return total


def _refused(lake: Lake, missing: MissingCounts) -> dict[str, np.ndarray]:
    """The positions of quarantined records, ascending, by traffic file.

    A quarantine holds a small share of a day (`ingest.max_quarantined_share`).
    """
    target = partition(QUARANTINE, missing.day)
    traffic = lake.marker(target).inputs.get("traffic")
    _check_unchanged(lake, missing, "traffic", missing.examples.inputs.get("traffic"), traffic)
    table = lake.read_table(target, ["source_file", "source_row"])
    files, rows = np.array(table["source_file"].to_pylist()), table["source_row"].to_numpy()
    return {str(file): np.sort(rows[files == file]) for file in np.unique(files)}


def _check_unchanged(
    lake: Lake, missing: MissingCounts, what: str, expected: object, found: object
) -> None:
    if expected != found:
        raise DataError(
            f"the traffic of {missing.day} is not what the day's examples were made from",
            expected=f"{expected} ({what}), as when the day was ingested",
            found=found,
            where=lake.location(f"traffic/ds={missing.day}"),
            remedy="restore the day's traffic, or run `python -m jobs ingest` for it again",
        )
