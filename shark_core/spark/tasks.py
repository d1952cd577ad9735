"""Spark as the scheduler of tasks: each reads and writes Parquet by pyarrow, through the lake.

    spark = spark_context(config.spark, "ingest")
    outcomes = run_tasks(spark, splits, partial(ingest_split, plan), Stage("ingest"))

The outcomes are in the order of the tasks.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from py4j.protocol import Py4JError
from pyspark import Accumulator, SparkContext, TaskContext
from pyspark.errors import PySparkException

from shark_core.errors import RetryableError
from shark_core.spark.context import useful_lines
from shark_core.spark.executors import executors_expected
from shark_core.spark.progress import Stage, showing

Task = TypeVar("Task")
Result = TypeVar("Result")

SPARKS_TRIES = 4


@dataclass(frozen=True)
class _Failure:
    error: Exception


def run_tasks(
    spark: SparkContext,
    tasks: Sequence[Task],
    work: Callable[[Task], Result],
    stage: Stage,
) -> list[Result]:
    """`[work(task) for task in tasks]`, one Spark task each, in any process and at the same time.

    What `work` raises comes out as itself (of several failures the first in the order of `tasks`);
    what is worth another try, `RetryableError`, only when Spark has tried the task as often as it
    may (`spark.task.maxFailures`, in which lost executors count; once where it is local). Spark's
    own failures come out as `RetryableError`, and so does a cluster without executors. A task may
    run twice, even at the same time: only what one run of `work` returns counts.
    """
    if not tasks:
        return []
    sized = [(task, stage.size(number)) for number, task in enumerate(tasks)]
    total = sum(size for _, size in sized)
    try:
        done = spark.accumulator(0.0)
        attempt = partial(_attempt, work, done, _tries(spark))
        distributed = spark.parallelize(sized, len(sized)).map(attempt)
        with executors_expected(spark), showing(stage, total, lambda: done.value):
            outcomes = distributed.collect()
    except (Py4JError, PySparkException) as error:
        raise RetryableError(
            "Spark gave up on a task",
            found=useful_lines(str(error)),
            where=f"Spark application {spark.applicationId}",
            remedy="run the command again; give Spark more memory if workers were killed",
        ) from error
    for outcome in outcomes:
        if isinstance(outcome, _Failure):
            raise outcome.error
    return outcomes


def _tries(spark: SparkContext) -> int:
    """How often Spark runs a task that fails; a local master says it itself: local[2,4]."""
    master = str(spark.master)
    if not master.startswith("local"):
        return int(spark.getConf().get("spark.task.maxFailures") or SPARKS_TRIES)
    threads = re.fullmatch(r"local\[[^,]+,(\d+)\]", master)
    return int(threads[1]) if threads else 1


def _attempt(
    work: Callable[[Any], Any], done: Accumulator[float], tries: int, sized: tuple[Any, float]
) -> Any:
    """Errors travel as values: Spark would wrap them in Java's and repeat the task."""
    task, size = sized
    try:
        outcome = work(task)
    except Exception as error:
        if isinstance(error, RetryableError) and _failed_before() + 1 < tries:
            raise
        error.add_note(f"in a Spark task:\n{traceback.format_exc()}")
        return _Failure(error)
    done.add(size)
    return outcome


def _failed_before() -> int:
    context = TaskContext.get()
    return context.attemptNumber() if context else 0
