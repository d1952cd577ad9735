from __future__ import annotations

import os
import sys

import pytest
from pyspark import SparkContext

from shark_core.config_sections import Spark
from shark_core.errors import ConfigError, DataError, RetryableError, SharkError
from shark_core.spark import REPOSITORY, run_tasks, spark_context, spark_settings, useful_lines

pytestmark = pytest.mark.spark


def process_of(_task: int) -> tuple[int, str, bool]:
    return os.getpid(), sys.executable, str(REPOSITORY) in sys.path


def refuse(task: int) -> int:
    if task in (3, 1):
        raise DataError(f"task {task} is bad", found=task, where="here", remedy="mend it")
    return task


def divide(task: int) -> float:
    return 1 / task


def end_the_process(task: int) -> None:
    os._exit(task)


def test_results_come_in_the_order_of_the_tasks(spark: SparkContext) -> None:
    assert run_tasks(spark, list(range(7)), str) == list("0123456")


def test_no_tasks_are_no_work(spark: SparkContext) -> None:
    assert run_tasks(spark, [], divide) == []


def test_tasks_run_in_this_interpreter_and_find_the_repository(spark: SparkContext) -> None:
    found = run_tasks(spark, [0, 1], process_of)
    assert {(executable, on_path) for _, executable, on_path in found} == {(sys.executable, True)}
    assert os.getpid() not in {process for process, _, _ in found}


def test_an_error_of_a_task_comes_out_as_itself(spark: SparkContext) -> None:
    with pytest.raises(DataError) as caught:
        run_tasks(spark, [0, 1, 2, 3], refuse)
    assert str(caught.value).splitlines()[0] == "task 1 is bad"
    assert "mend it" in str(caught.value)
    assert caught.value.summary == "task 1 is bad"


def test_an_unexpected_error_of_a_task_says_where_it_arose(spark: SparkContext) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run_tasks(spark, [1, 0], divide)
    assert "in divide" in caught.value.__notes__[0]


def test_a_worker_that_dies_is_a_failure_to_try_again(spark: SparkContext) -> None:
    with pytest.raises(RetryableError) as caught:
        run_tasks(spark, [9], end_the_process)
    assert "Python worker exited unexpectedly" in str(caught.value)
    assert "\tat " not in str(caught.value)
    assert run_tasks(spark, [4], str) == ["4"]


def test_a_process_has_one_context(spark: SparkContext) -> None:
    assert spark_context(Spark(), "another") is spark


@pytest.mark.parametrize("kind", [ConfigError, RetryableError, DataError])
def test_every_branch_of_errors_survives_the_way(spark: SparkContext, kind: type) -> None:
    def fail(_task: int) -> None:
        raise kind("no")

    with pytest.raises(SharkError) as caught:
        run_tasks(spark, [0], fail)
    assert type(caught.value) is kind
    assert caught.value.exit_code == kind.exit_code


def test_local_spark_listens_on_the_loopback_address_only(spark: SparkContext) -> None:
    conf = spark.getConf()
    assert conf.get("spark.driver.bindAddress") == "127.0.0.1"
    assert conf.get("spark.driver.host") == "127.0.0.1"
    assert spark.uiWebUrl is None


def test_settings_of_the_config_win() -> None:
    found = spark_settings(Spark(settings={"spark.ui.enabled": "true", "spark.x": "1"}))
    assert (found["spark.ui.enabled"], found["spark.x"]) == ("true", "1")


def test_a_cluster_keeps_its_own_addresses() -> None:
    found = spark_settings(Spark(master="spark://host:7077"))
    assert "spark.driver.bindAddress" not in found


def test_workers_keep_the_python_path_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/plugins")
    found = spark_settings(Spark())["spark.executorEnv.PYTHONPATH"]
    assert found.split(os.pathsep) == [str(REPOSITORY), "/plugins"]


def test_useful_lines_are_the_last_ones_without_stack_frames() -> None:
    text = (
        "first\nOops: a\n\tat x.Y(Z.java:1)\nDriver stacktrace:\nCaused by: b\nCaused by: b\n... 3"
    )
    assert useful_lines(text).split("\n            ") == ["Oops: a", "Caused by: b"]
