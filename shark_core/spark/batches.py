"""Small tasks in batches: one Spark task works through several, in turn.

Starting a Spark task takes longer than a small field does: 1,000 fields of 300 rows take 107 s with
a Spark task each, and 7 s in batches (2 cores).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, chain, groupby
from operator import itemgetter
from typing import Protocol, TypeVar

from pyspark import SparkContext

from shark_core.spark.executors import cores
from shark_core.spark.progress import Stage
from shark_core.spark.tasks import run_tasks

TASKS_PER_CORE = 4  # so that a slow task does not leave the other cores idle at the end
MOST_A_BATCH = 256  # tasks, about: what is done again when a worker is lost
ROWS_WORTH_A_FILE = 50_000  # what opening and writing files takes, in rows


class Sized(Protocol):
    @property
    def size(self) -> float:
        """Rows that come in, about."""


SizedTask = TypeVar("SizedTask", bound=Sized)
Result = TypeVar("Result")


def run_in_batches(
    spark: SparkContext,
    tasks: Iterable[SizedTask],
    work: Callable[[SizedTask], Result],
    stage: str,
    unit: str,
) -> Iterator[Result]:
    """`map(work, tasks)` on Spark, in batches of about equal size. Raises as `run_tasks` does."""
    if not (waiting := list(tasks)):
        return iter(())
    wanted = max(TASKS_PER_CORE * cores(spark), len(waiting) // MOST_A_BATCH)
    batches = divided(waiting, wanted)
    sizes = [sum(task.size for task in batch) for batch in batches]
    done = run_tasks(spark, batches, partial(_in_turn, work), Stage(stage, unit, sizes))
    return chain.from_iterable(done)


def divided(tasks: Sequence[SizedTask], batches: int) -> list[list[SizedTask]]:
    """Up to `batches` runs of tasks, in their order; none is larger than its share and a task."""
    weights = [task.size + ROWS_WORTH_A_FILE for task in tasks]
    total = sum(weights)
    middles = [end - weight / 2 for end, weight in zip(accumulate(weights), weights, strict=True)]
    numbers = [int(middle * batches / total) for middle in middles]
    numbered = groupby(zip(numbers, tasks, strict=True), key=itemgetter(0))
    return [[task for _, task in batch] for _, batch in numbered]


def _in_turn(work: Callable[[SizedTask], Result], batch: Sequence[SizedTask]) -> list[Result]:
    return [work(task) for task in batch]
