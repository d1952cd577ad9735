"""A day's accesses, counted on Spark: first in parts, then added up where a field has several.

What was tried, in seconds of job time for 20M examples × 10 fields on 2 cores, session started:

    Spark SQL: unpivot 34, grouping sets 37, a groupBy a field 18 to 21
    mapInArrow with partial counts: over rows 19 to 25, over file paths with pyarrow reading 11
    a task a field, which opens and bincounts each file: 7.3
    the same with np.add.at, sorted ids as differences, pyspark not compiled by each worker: 4.0
    this, one file at a time for a group of fields: 3.6 to 3.9, of which 1.5 are Python's start

Shuffles of Spark's own do not pay: parts of a field are files, few, sorted, and read once.
`python -m tests.benchmarks.counting` measures it beside Polars and DuckDB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from pyspark import SparkContext

from shark_core.access.count_files import FieldCounts, FieldOutput, SumTask, sum_range
from shark_core.access.count_plan import plan_counts
from shark_core.access.count_tasks import CountTask, count_files
from shark_core.lake import FileEntry, Lake
from shark_core.spark.batches import run_in_batches
from shark_core.spark.executors import cores
from shark_core.spark.progress import Stage
from shark_core.spark.tasks import run_tasks

Outputs = Mapping[str, FieldOutput]  # by the name of the field


def count_examples(
    spark: SparkContext, lake: Lake, files: Sequence[FileEntry], outputs: Outputs
) -> dict[str, FieldCounts]:
    """Count the fields of `outputs` in examples files. Raises `DataError` where they do not fit."""
    fields = [output.field for output in outputs.values()]
    plan = plan_counts(fields, files, cores(spark))
    tasks = [
        CountTask(
            lake=lake,
            outputs=tuple(outputs[field.name] for field in planned.fields),
            paths=tuple(file.path for file in planned.sources),
            number=planned.number,
            alone=planned.alone,
        )
        for planned in plan.tasks
    ]
    counted = run_tasks(spark, tasks, count_files, Stage("count", "examples", plan.shares))
    return add_up(spark, lake, chain.from_iterable(counted), outputs)


def add_up(
    spark: SparkContext, lake: Lake, counted: Iterable[FieldCounts], outputs: Outputs
) -> dict[str, FieldCounts]:
    """What each field's tasks counted, with its part files."""
    parts: dict[str, list[FieldCounts]] = defaultdict(list)
    for counts in counted:
        parts[counts.field.name].append(counts)
    tasks = [
        task
        for name in parts
        if not _are_final(parts[name], outputs[name])
        for task in _sum_tasks(lake, outputs[name], parts[name])
    ]
    entries: dict[str, list[FileEntry]] = defaultdict(list)
    summed = run_in_batches(spark, tasks, sum_range, "add up", "rows")
    for task, entry in zip(tasks, summed, strict=True):
        entries[task.output.field.name].append(entry)
    return {
        name: FieldCounts(
            field=outputs[name].field,
            entries=tuple(entries.get(name) or parts[name][0].entries),
            positives=sum(counts.positives for counts in parts[name]),
            negatives=sum(counts.negatives for counts in parts[name]),
        )
        for name in parts
    }


def _sum_tasks(lake: Lake, output: FieldOutput, parts: Sequence[FieldCounts]) -> list[SumTask]:
    entries = [entry for counts in parts for entry in counts.entries]
    paths = tuple(entry.path for entry in entries)
    size = sum(entry.rows for entry in entries) / len(output.ranges)
    return [SumTask(lake, output, paths, rows, size) for rows in output.ranges]


def _are_final(parts: Sequence[FieldCounts], output: FieldOutput) -> bool:
    return sum(len(counts.entries) for counts in parts) == 1 == len(output.ranges)
