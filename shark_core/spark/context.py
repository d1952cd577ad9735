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
from shark_core.spark.executors import WAIT_KEY
from shark_core.spark.master import LOOPBACK, Master

REPOSITORY = Path(__file__).resolve().parents[2]
LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
USEFUL_LINES = 3
# A context that no master has taken in, after a minute of trying, has an id of Spark's own making.
MADE_UP_ID = "spark-application-"

# Java only schedules here: this compiler and this collector start sooner and leave cores to Python.
JAVA_OPTIONS = (
    f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.configurationFile={LOG_SETTINGS.as_uri()}"
)
BASE_SETTINGS = {
    "spark.driver.defaultJavaOptions": JAVA_OPTIONS,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.python.daemon.module": "shark_core.spark.daemon",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",
}


def spark_context(settings: Spark, app_name: str) -> SparkContext:
    """The process's Spark context, started where there is none yet. It ends with the process.

    What `spark-submit` was told wins over `settings`. Raises `ConfigError` without a usable Java,
    `RetryableError` where Spark does not start.
    """
    running: SparkContext | None = SparkContext._active_spark_context
    if running is not None:
        return running
    submitted = submitted_settings()
    settings = settings.model_copy(
        update={"master": submitted.get("spark.master", settings.master)}
    )
    master = Master(settings.master)
    master.check_reachable()
    given = {**spark_settings(settings), **submitted}
    os.environ["JAVA_HOME"] = java_home()
    os.environ["PYSPARK_PYTHON"] = given["spark.pyspark.python"]
    if master.on_this_machine:
        os.environ["SPARK_LOCAL_IP"] = LOOPBACK
    conf = SparkConf().setAll(sorted(given.items())).setAppName(f"shark {app_name}")
    try:
        context = SparkContext(conf=conf)
    except (Py4JError, PySparkException) as error:
        raise _not_started(settings, useful_lines(str(error))) from error
    if master.is_standalone and context.applicationId.startswith(MADE_UP_ID):
        context.stop()
        raise _not_started(settings, "a master that does not answer")
    return context


def spark_settings(settings: Spark) -> dict[str, str]:
    """What Spark is started with; `spark.settings` of the pipeline config win."""
    master = Master(settings.master)
    python_path = [str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    given = {
        **BASE_SETTINGS,
        # Set before Java starts: only then does Spark prepare itself for YARN or Kubernetes.
        "spark.master": settings.master,
        "spark.driver.memory": settings.driver_memory,
        "spark.pyspark.python": sys.executable,
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, python_path)),
        **master.resources(settings),
    }
    if not master.is_local:
        given[WAIT_KEY] = str(settings.executor_wait)
    if master.on_this_machine:
        given["spark.driver.host"] = LOOPBACK
        given["spark.driver.bindAddress"] = LOOPBACK
    return {**given, **settings.settings}


def submitted_settings() -> dict[str, str]:
    """What `spark-submit` was told, where it started this process: it wins over the config, since
    whoever submits knows the cluster.
    """
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return {}
    SparkContext._ensure_initialized()  # connects to the Java that spark-submit has started
    told = dict(SparkConf().getAll())
    told.pop("spark.app.name", None)  # the file's name
    return told


def _not_started(settings: Spark, found: str) -> RetryableError:
    return RetryableError(
        "Spark does not start",
        expected=f"a context on {settings.master}",
        found=found,
        where="spark.master and spark.settings of the pipeline config",
        remedy="read the lines above this one; check memory, ports and the master's address",
    )


def useful_lines(text: str) -> str:
    """The last lines of a Java error without stack frames."""
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith(("at ", "... ", "Driver stack"))]
    return "\n            ".join(dict.fromkeys(said[-USEFUL_LINES:])) or "nothing"
