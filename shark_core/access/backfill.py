"""Counts of fields in the traffic of a day that was ingested without them, on Spark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from pyspark import SparkContext

from shark_core.access.backfill_survey import MissingCounts
from shark_core.access.count_files import FieldCounts
from shark_core.access.count_plan import plan_counts
from shark_core.access.counting import Outputs, add_up
from shark_core.access.judging import JudgedSplit, JudgeTask, judge_split
from shark_core.access.past_traffic import PastTraffic, check_same_traffic
from shark_core.access.traffic_count_tasks import TrafficCountTask, count_traffic
from shark_core.errors import DataError
from shark_core.lake import Lake, logical_path, partition
from shark_core.schemas import QUARANTINE
from shark_core.spark.batches import run_in_batches
from shark_core.spark.executors import cores
from shark_core.spark.progress import Stage
from shark_core.spark.tasks import run_tasks
from shark_core.traffic.quarantine import refused_rows
from shark_core.traffic.traffic_files import plan_splits


@dataclass(frozen=True)
class PastCounts:
    """By the name of the field; `unfit`: examples that count for none of the fields."""

    fields: dict[str, FieldCounts]
    examples: int
    unfit: int


def count_past_day(
    spark: SparkContext,
    lake: Lake,
    label_column: str,
    missing: MissingCounts,
    traffic: PastTraffic,
    outputs: Outputs,
) -> PastCounts:
    """Raises `DataError` where the traffic is not what the day's examples were made from."""
    tasks = list(_judge_tasks(lake, label_column, missing, traffic, outputs))
    stage = f"judge {missing.day}"
    judged = list(run_in_batches(spark, tasks, judge_split, stage, "records"))
    seen = {
        name: sum(getattr(split, name) for split in judged)
        for name in ("examples", "positives", "unfit")
    }
    for name in ("examples", "positives"):
        check_same_traffic(lake, missing, name, missing.examples.facts[name], seen[name])
    counted = _count(spark, lake, missing, judged, outputs)
    return PastCounts(counted, seen["examples"], seen["unfit"])


def _judge_tasks(
    lake: Lake, label_column: str, missing: MissingCounts, traffic: PastTraffic, outputs: Outputs
) -> Iterator[JudgeTask]:
    """The labels lie beside the counts of one of the fields until those are committed."""
    labels = outputs[missing.fields[0].name].files
    refused = _refused(lake, missing)
    for split in plan_splits(traffic.files):
        rows = refused.get(logical_path(split.path), np.empty(0, np.int64))
        first, last = np.searchsorted(rows, [split.first_row, split.first_row + split.rows])
        yield JudgeTask(lake, label_column, traffic.judges, split, rows[first:last], labels)


def _refused(lake: Lake, missing: MissingCounts) -> dict[str, np.ndarray]:
    """Raises `DataError` where the day's quarantine is of another ingest than its examples."""
    target = partition(QUARANTINE, missing.day)
    quarantine = lake.marker(target)
    expected, found = (
        (marker.inputs.get("traffic"), marker.facts.get("quarantined"))
        for marker in (missing.examples, quarantine)
    )
    if expected != found:
        raise DataError(
            f"the quarantine of {missing.day} is of another ingest than the day's examples",
            expected=f"traffic {expected[0]}, records {expected[1]}",
            found=f"traffic {found[0]}, records {found[1]}",
            where=lake.location(target.path),
            remedy="run `python -m jobs ingest` for this day again",
        )
    return refused_rows(lake, [entry.path for entry in quarantine.files])


def _count(
    spark: SparkContext,
    lake: Lake,
    missing: MissingCounts,
    judged: Sequence[JudgedSplit],
    outputs: Outputs,
) -> dict[str, FieldCounts]:
    plan = plan_counts(missing.fields, judged, cores(spark))
    tasks = [
        TrafficCountTask(
            lake=lake,
            outputs=tuple(outputs[field.name] for field in planned.fields),
            vocabularies={
                field.name: missing.vocabularies[field.name].paths
                for field in planned.fields
                if field.encoding == "vocabulary"
            },
            splits=planned.sources,
            number=planned.number,
            alone=planned.alone,
        )
        for planned in plan.tasks
    ]
    stage = Stage(f"count {missing.day}", "records", plan.shares)
    counted = run_tasks(spark, tasks, count_traffic, stage)
    return add_up(spark, lake, chain.from_iterable(counted), outputs)
