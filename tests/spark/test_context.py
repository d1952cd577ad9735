from __future__ import annotations

import os
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark import SparkContext

from shark_core.config import parse_section
from shark_core.config_sections import Spark
from shark_core.errors import ConfigError, RetryableError
from shark_core.spark.context import (
    REPOSITORY,
    spark_context,
    spark_settings,
    useful_lines,
)
from shark_core.spark.master import Master
from tests.example_lake import DAY, tiny_config, tiny_lake
from tests.killed_jobs import start_job

pytestmark = pytest.mark.spark


def test_a_process_has_one_context(spark: SparkContext) -> None:
    assert spark_context(Spark(), "another") is spark


def test_local_spark_listens_on_the_loopback_address_only(spark: SparkContext) -> None:
    conf = spark.getConf()
    assert conf.get("spark.driver.bindAddress") == "127.0.0.1"
    assert conf.get("spark.driver.host") == "127.0.0.1"
    assert spark.uiWebUrl is None


def test_settings_of_the_config_win() -> None:
    found = spark_settings(Spark(settings={"spark.ui.enabled": "true", "spark.x": "1"}))
    assert (found["spark.ui.enabled"], found["spark.x"]) == ("true", "1")


def test_workers_keep_the_python_path_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/plugins")
    found = spark_settings(Spark())["spark.executorEnv.PYTHONPATH"]
    assert found.split(os.pathsep) == [str(REPOSITORY), "/plugins"]


@pytest.mark.parametrize("master", ["spark://127.0.0.1:7077", "spark://localhost:7077"])
def test_the_driver_of_a_cluster_on_this_machine_listens_here_only(master: str) -> None:
    found = spark_settings(Spark(master=master))
    assert found["spark.driver.host"] == found["spark.driver.bindAddress"] == "127.0.0.1"


@pytest.mark.parametrize(
    "master", ["spark://host:7077", "spark://127.0.0.1:7077,host:7077", "yarn", "k8s://https://a:1"]
)
def test_the_driver_of_another_cluster_can_be_reached_from_it(master: str) -> None:
    found = spark_settings(Spark(master=master))
    assert found.keys().isdisjoint({"spark.driver.host", "spark.driver.bindAddress"})


RESOURCES = {
    "spark.executor.memory",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.cores.max",
    "spark.shark.executorWait",
}


def resources(**keys: Any) -> dict[str, str]:
    settings = spark_settings(Spark(**keys))
    return {key: value for key, value in settings.items() if key in RESOURCES}


def test_a_standalone_cluster_is_asked_for_cores_in_all() -> None:
    assert resources(
        master="spark://h:1", executor_memory="2g", executor_cores=4, executors=3, executor_wait=60
    ) == {
        "spark.executor.memory": "2g",
        "spark.executor.cores": "4",
        "spark.cores.max": "12",
        "spark.shark.executorWait": "60",
    }


@pytest.mark.parametrize("master", ["yarn", "k8s://https://h:6443"])
def test_other_clusters_are_asked_for_executors(master: str) -> None:
    assert resources(master=master, executor_memory="2g", executors=3, executor_wait=60) == {
        "spark.executor.memory": "2g",
        "spark.executor.instances": "3",
        "spark.shark.executorWait": "60",
    }


def test_executors_count_for_nothing_locally() -> None:
    assert resources(executor_memory="2g", executor_cores=4, executors=3) == {}


def test_settings_win_over_the_executors_of_the_config() -> None:
    settings = {"spark.executor.memory": "3g", "spark.cores.max": "5"}
    found = resources(master="spark://h:1", executor_cores=4, executors=3, settings=settings)
    assert (found["spark.executor.memory"], found["spark.cores.max"]) == ("3g", "5")


@pytest.mark.parametrize(
    "master",
    [
        "local",
        "local[1]",
        "local[*]",
        "local[16,4]",
        "local[*,2]",
        "spark://h:1",
        "spark://a:1,b:2",
    ],
)
def test_masters_that_spark_knows_are_taken(master: str) -> None:
    assert Spark(master=master).master == master


@pytest.mark.parametrize(
    "master",
    [
        "",
        "local[0]",
        "local[]",
        "locally",
        "spark://h",
        "spark://h:1,",
        "h:7077",
        "mesos://h:1",
        "k8s://",
    ],
)
def test_other_masters_are_refused_with_what_is_allowed(master: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_section({"master": master}, "here", Spark)
    assert re.search(r"master: .*expected local, .* found '", str(caught.value))


def test_executors_without_cores_are_refused_where_only_cores_count() -> None:
    with pytest.raises(ConfigError, match="executors on spark:// need executor_cores"):
        parse_section({"master": "spark://h:1", "executors": 2}, "here", Spark)


def test_where_it_runs_does_not_change_the_config_hash(tmp_path: Path) -> None:
    spark = {"master": "spark://h:1", "executors": 2, "executor_cores": 4, "executor_memory": "2g"}
    assert tiny_config(tmp_path, spark=spark).config_hash == tiny_config(tmp_path).config_hash


def test_a_master_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        master = f"spark://127.0.0.1:{closed.getsockname()[1]}"
    tiny_lake(tiny_config(tmp_path), DAY, rows=1)
    config = tmp_path / "config.yaml"
    document = tiny_config(tmp_path, spark={"master": master}).model_dump(mode="json")
    config.write_text(yaml.safe_dump(document))
    started = time.monotonic()
    job = start_job("count-accesses", config, DAY)
    said = job.communicate(timeout=60)[1].decode()
    assert job.returncode == RetryableError.exit_code
    assert f"expected: a standalone master at {master}" in said
    assert "Connection refused" in said
    assert time.monotonic() - started < 30  # Spark's own client takes 64 s


def test_one_master_of_several_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as standing_by:
        master = Master(f"spark://127.0.0.1:1,127.0.0.1:{standing_by.getsockname()[1]}")
        master.check_reachable()
        assert standing_by.accept()[0] is not None


def test_executors_may_have_an_interpreter_of_their_own() -> None:
    own = {"spark.pyspark.python": "./environment/bin/python"}
    assert spark_settings(Spark(settings=own)).items() >= own.items()
    assert spark_settings(Spark())["spark.pyspark.python"] == sys.executable


def test_useful_lines_are_the_last_ones_without_stack_frames() -> None:
    text = (
        "first\nOops: a\n\tat x.Y(Z.java:1)\nDriver stacktrace:\nCaused by: b\nCaused by: b\n... 3"
    )
    assert useful_lines(text).split("\n            ") == ["Oops: a", "Caused by: b"]
