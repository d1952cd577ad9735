from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import pytest
from pyspark import SparkContext

from shark_core.errors import ConfigError, DataError, RetryableError, SharkError
from shark_core.spark.context import REPOSITORY
from shark_core.spark.progress import Stage
from shark_core.spark.tasks import run_tasks

pytestmark = pytest.mark.spark

STAGE = Stage("test")


def process_of(_task: int) -> tuple[int, str, bool]:
    return os.getpid(), sys.executable, str(REPOSITORY) in sys.path


def refuse(task: int) -> int:
    if task in (3, 1):
        raise DataError(f"task {task} is bad", found=task, where="here", remedy="mend it")
    return task


def divide(task: int) -> float:
    return 1 / task


def fail_until(folder: str, times: int) -> int:
    """Fails as often as the task says, counted in a file."""
    count = Path(folder) / f"failed-{times}"
    failed = int(count.read_text()) if count.exists() else 0
    if failed < times:
        count.write_text(str(failed + 1))
        raise RetryableError(f"failed {failed + 1} of {times} times")
    return times


def end_the_process(task: int) -> None:
    os._exit(task)


def test_results_come_in_the_order_of_the_tasks(spark: SparkContext) -> None:
    assert run_tasks(spark, list(range(7)), str, STAGE) == list("0123456")


def test_no_tasks_are_no_work(spark: SparkContext) -> None:
    assert run_tasks(spark, [], divide, STAGE) == []


def test_tasks_run_in_this_interpreter_and_find_the_repository(spark: SparkContext) -> None:
    found = run_tasks(spark, [0, 1], process_of, STAGE)
    assert {(executable, on_path) for _, executable, on_path in found} == {(sys.executable, True)}
    assert os.getpid() not in {process for process, _, _ in found}


def test_an_error_of_a_task_comes_out_as_itself(spark: SparkContext) -> None:
    with pytest.raises(DataError) as caught:
        run_tasks(spark, [0, 1, 2, 3], refuse, STAGE)
    assert str(caught.value).splitlines()[0] == "task 1 is bad"
    assert "mend it" in str(caught.value)
    assert caught.value.summary == "task 1 is bad"


def test_an_unexpected_error_of_a_task_says_where_it_arose(spark: SparkContext) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run_tasks(spark, [1, 0], divide, STAGE)
    assert "in divide" in caught.value.__notes__[0]


def test_a_worker_that_dies_is_a_failure_to_try_again(spark: SparkContext) -> None:
    with pytest.raises(RetryableError) as caught:
        run_tasks(spark, [9], end_the_process, STAGE)
    assert "Python worker exited unexpectedly" in str(caught.value)
    assert "\tat " not in str(caught.value)
    assert run_tasks(spark, [4], str, STAGE) == ["4"]


@pytest.mark.parametrize("kind", [ConfigError, RetryableError, DataError])
def test_every_branch_of_errors_survives_the_way(spark: SparkContext, kind: type) -> None:
    def fail(_task: int) -> None:
        raise kind("no")

    with pytest.raises(SharkError) as caught:
        run_tasks(spark, [0], fail, STAGE)
    assert type(caught.value) is kind
    assert caught.value.exit_code == kind.exit_code


def test_a_local_task_is_not_tried_again(spark: SparkContext, tmp_path: Path) -> None:
    with pytest.raises(RetryableError, match="failed 1 of 2 times"):
        run_tasks(spark, [2], partial(fail_until, str(tmp_path)), STAGE)
