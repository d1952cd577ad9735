"""A job that has no executor gets one in time, or ends with an error: Spark would wait for ever.

    with executors_expected(spark):
        outcomes = distributed.collect()

None comes where the cluster is full, where no worker is as large as the executor that is asked for,
and where the workers or the master are gone, before the job or in the middle of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException

from shark_core.errors import RetryableError

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_SETTLE = 3.0
MANY_CORES = 64  # where nobody says how many there may be: small tasks cost less than idle cores
WAIT_KEY = "spark.shark.executorWait"  # `executor_wait` of the config; not set where it is local

_CORES: dict[str, int] = {}  # by the id of the application


def cores(spark: SparkContext) -> int:
    """How many tasks run at a time, for planning them.

    A cluster's executors come one by one after the context has started. What the config asks for
    counts; where it leaves that to the cluster, what has come once no more comes for a while.
    """
    if spark.applicationId not in _CORES:
        _CORES[spark.applicationId] = _cores(spark)
    return _CORES[spark.applicationId]


def _cores(spark: SparkContext) -> int:
    conf = spark.getConf()
    if conf.get(WAIT_KEY) is None:
        return spark.defaultParallelism
    if most := conf.get("spark.cores.max"):
        return int(most)
    each = int(conf.get("spark.executor.cores") or 1)
    if conf.get("spark.dynamicAllocation.enabled") == "true":  # none comes before there are tasks
        most = conf.get("spark.dynamicAllocation.maxExecutors")
        return int(most) * each if most else MANY_CORES
    if executors := conf.get("spark.executor.instances"):
        return int(executors) * each
    return _settled_cores(spark, float(conf.get(WAIT_KEY) or 0))


def _settled_cores(spark: SparkContext, wait: float) -> int:
    """Raises `RetryableError` where no executor comes within `wait` seconds."""
    started = changed = time.monotonic()
    known = 0
    while not (known and time.monotonic() - changed >= SECONDS_TO_SETTLE):
        if (found := _executors(spark)) != known:
            known, changed = found, time.monotonic()
        if not known and time.monotonic() - started >= wait:
            raise _no_executor(spark.master, wait)
        time.sleep(SECONDS_BETWEEN_LOOKS / 4)
    return spark.defaultParallelism


@contextmanager
def executors_expected(spark: SparkContext) -> Iterator[None]:
    """Raises `RetryableError` if there is no executor for `executor_wait` of the block's time."""
    setting = spark.getConf().get(WAIT_KEY)
    if setting is None:
        yield
        return
    wait = float(setting)
    finished, cancelled = Event(), Event()
    watch = Thread(target=_watch, args=(spark, wait, finished, cancelled), daemon=True)
    watch.start()
    try:
        yield
    except (Py4JError, PySparkException) as error:
        if cancelled.is_set():
            raise _no_executor(spark.master, wait) from error
        raise
    finally:
        finished.set()
        watch.join()


def _watch(spark: SparkContext, wait: float, finished: Event, cancelled: Event) -> None:
    had_one = time.monotonic()
    while not finished.wait(SECONDS_BETWEEN_LOOKS):
        now = time.monotonic()
        if _executors(spark):
            had_one = now
        elif now - had_one >= wait:
            cancelled.set()
            spark.cancelAllJobs()


def _executors(spark: SparkContext) -> int:
    """How many there are; the driver, which Spark counts too, is none."""
    return spark._jsc.sc().getExecutorMemoryStatus().size() - 1


def _no_executor(master: object, wait: float) -> RetryableError:
    return RetryableError(
        "Spark has no executor for the job",
        expected="at least one",
        found=f"none for {wait:.0f} s (spark.executor_wait)",
        where=master,
        remedy="run the command again when the cluster has room; check that its workers are alive "
        "and as large as spark.executor_memory and spark.executor_cores ask for",
    )
