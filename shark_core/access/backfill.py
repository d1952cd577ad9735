"""Counts of fields in the traffic of a day that was ingested without them, on Spark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from pyspark import SparkContext

from shark_core.access.count_files import FieldCounts
from shark_core.access.count_plan import plan_counts
from shark_core.access.counting import Outputs, add_up
from shark_core.access.judging import JudgedSplit, JudgeTask, judge_split
from shark_core.access.past_days import PastDay
from shark_core.access.past_splits import past_splits
from shark_core.access.past_traffic import PastTraffic, check_same_traffic
from shark_core.access.traffic_count_tasks import TrafficCountTask, count_traffic
from shark_core.lake import Lake
from shark_core.spark.batches import run_in_batches
from shark_core.spark.executors import cores
from shark_core.spark.progress import Stage
from shark_core.spark.tasks import run_tasks


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
    missing: PastDay,
    traffic: PastTraffic,
    outputs: Outputs,
) -> PastCounts:
    """Raises `DataError` where the traffic is not what the day's examples were made from."""
    labels = outputs[missing.fields[0].name].files  # beside these counts, until they are committed
    splits = past_splits(lake, label_column, missing, traffic)
    tasks = [JudgeTask(split, labels) for split in splits]
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


def _count(
    spark: SparkContext,
    lake: Lake,
    missing: PastDay,
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
