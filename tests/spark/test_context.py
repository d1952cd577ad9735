from __future__ import annotations

import os

import pytest
from pyspark import SparkContext

from shark_core.config_sections import Spark
from shark_core.spark.context import REPOSITORY, spark_context, spark_settings, useful_lines

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
