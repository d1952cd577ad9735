"""The process's Spark context, as the pipeline config describes it.

A context is all that `shark_core.spark.tasks` needs. A `SparkSession` on top takes 1.7 s more to
start (measured on 2 cores, of 9 in all): who wants DataFrames makes one, `SparkSession(spark)`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException

from shark_core.config_sections import Spark
from shark_core.errors import RetryableError
from shark_core.java import java_home

REPOSITORY = Path(__file__).resolve().parents[2]
LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
LOOPBACK = "127.0.0.1"
USEFUL_LINES = 3

BASE_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",
}
# Java only schedules here: this compiler and this collector start sooner and leave cores to Python.
JAVA_OPTIONS = (
    f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.configurationFile={LOG_SETTINGS.as_uri()}"
)


def spark_context(settings: Spark, app_name: str) -> SparkContext:
    """The process's Spark context, started where there is none yet. It ends with the process.

    Raises `ConfigError` without a usable Java, `RetryableError` where Spark does not start.
    """
    running: SparkContext | None = SparkContext._active_spark_context
    if running is not None:
        return running
    os.environ["JAVA_HOME"] = java_home()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    if settings.master.startswith("local"):
        os.environ["SPARK_LOCAL_IP"] = LOOPBACK
    conf = SparkConf().setAll(sorted(spark_settings(settings).items()))
    try:
        return SparkContext(master=settings.master, appName=f"shark {app_name}", conf=conf)
    except (Py4JError, PySparkException) as error:
        raise RetryableError(
            "Spark does not start",
            expected=f"a context on {settings.master}",
            found=useful_lines(str(error)),
            where="spark.master and spark.settings of the pipeline config",
            remedy="read the lines above this one; check memory, ports and the master's address",
        ) from error


def spark_settings(settings: Spark) -> dict[str, str]:
    """What Spark is started with; `spark.settings` of the pipeline config win."""
    python_path = [str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    given = {
        **BASE_SETTINGS,
        "spark.driver.memory": settings.driver_memory,
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, python_path)),
    }
    if settings.master.startswith("local"):
        given["spark.driver.host"] = LOOPBACK
        given["spark.driver.bindAddress"] = LOOPBACK
        given["spark.driver.extraJavaOptions"] = JAVA_OPTIONS
    return {**given, **settings.settings}


def useful_lines(text: str) -> str:
    """The last lines of a Java error without stack frames."""
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith(("at ", "... ", "Driver stack"))]
    return "\n            ".join(dict.fromkeys(said[-USEFUL_LINES:])) or "nothing"
