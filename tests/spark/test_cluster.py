"""A real cluster: a standalone master and workers, each with executors of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest
import yaml
from pyspark import SparkContext

from infra.spark.cluster import LocalCluster
from infra.spark.options import ClusterSize
from jobs.context import DayContext
from jobs.count_accesses import count_accesses
from shark_core.config import PipelineConfig
from shark_core.java import java_home
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import EXAMPLES, examples_schema
from tests.example_lake import DAY, STAMP, tiny_config
from tests.killed_jobs import start_job
from tests.traffic.day_lake import fingerprints

pytestmark = [pytest.mark.spark, pytest.mark.slow]

CHECKOUT = Path(__file__).parents[2]
FIELDS = [
    {"name": f"field{number}", "encoding": "hash", "num_embeddings": 500_000}
    for number in range(24)
]
ROWS_OF_A_FILE, FILES = 250_000, 12
LOST = 0  # the worker that is killed

DRIVER = """
import json, sys
from shark_core.config_sections import Spark
from shark_core.errors import RetryableError
from shark_core.spark.context import spark_context
from shark_core.spark.tasks import run_tasks
from tests.spark.test_tasks import STAGE, process_of
spark = spark_context(Spark(**json.loads(sys.argv[1])), "test")
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two workers; after the test that kills one, the other is enough for the tests that follow."""
    with LocalCluster(ClusterSize(workers=2, cores=1, memory="1g")) as running:
        yield running
    assert not processes_of(running.workers)


def processes_of(sessions: tuple[int, ...]) -> list[psutil.Process]:
    """Living processes of the workers' sessions: executors and their Python workers too."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if process.status() != psutil.STATUS_ZOMBIE and os.getsid(process.pid) in sessions:
                found.append(process)
    return found


def config_of(lake: Path, master: str = "local[2]") -> PipelineConfig:
    spark = {"master": master, "driver_memory": "512m"}
    return tiny_config(lake, fields=FIELDS, dense_features=[], spark=spark)


def config_file(folder: Path, config: PipelineConfig) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path


def write_day(config: PipelineConfig, count: int = FILES) -> None:
    """A day of many examples: `count` files, all copies of one."""
    random = np.random.default_rng(0)
    columns = {
        column.name: pa.array(random.integers(0, 500_000, ROWS_OF_A_FILE)).cast(column.type)
        for column in examples_schema(config)
        if column.name.startswith("field_")
    }
    labels = pa.array(np.arange(ROWS_OF_A_FILE, dtype=np.int8) % 2)
    lake = Lake(config.lake)
    with PartitionWriter(lake, partition(EXAMPLES, DAY), STAMP) as writer:
        first = writer.files.write_table(
            "part-00000.parquet", pa.table({"label": labels, **columns})
        )
        copies = [
            replace(first, path=writer.files.new_path(f"part-{number:05}.parquet"))
            for number in range(1, count)
        ]
        for copy in copies:
            os.link(lake.absolute(first.path), lake.absolute(copy.path))
        writer.add([first, *copies])
        writer.commit({}, {"examples": ROWS_OF_A_FILE * count})


def part_files(lake: Path) -> set[str]:
    """The part files of access_counts that are complete or being written, by field and number."""
    paths = (lake / f"access_counts/ds={DAY}").glob("field=*/part-*.parquet")
    return {f"{path.parent.name}/{path.name[:10]}" for path in paths}


def tasks_said(cluster: LocalCluster, worker: int, word: str) -> set[str]:
    """Which tasks a worker's executors have `word` (Running, Finished) in their logs."""
    logs = cluster.worker_folder(worker).glob("app-*/*/stderr")
    return {
        task for log in logs for task in re.findall(rf"{word} task .+ \(TID (\d+)", log.read_text())
    }


def wait_until_the_middle(job: subprocess.Popen[bytes], cluster: LocalCluster) -> None:
    """Until the worker that will be lost has done a task and has another one that is not done."""
    while True:
        done = tasks_said(cluster, LOST, "Finished")
        if done and tasks_said(cluster, LOST, "Running") - done:
            return
        assert job.poll() is None, job.communicate()[1].decode()
        time.sleep(0.02)


def test_counts_are_exact_when_a_worker_is_lost_in_the_middle(
    cluster: LocalCluster, spark: SparkContext, tmp_path: Path
) -> None:
    lake, undisturbed = tmp_path / "lake", tmp_path / "undisturbed"
    write_day(config_of(lake))
    shutil.copytree(lake, undisturbed, copy_function=os.link)
    job = start_job("count-accesses", config_file(tmp_path, config_of(lake, cluster.url)), DAY)
    wait_until_the_middle(job, cluster)
    assert len(processes_of((cluster.workers[LOST],))) >= 4  # worker, executor, 2 of Python
    cluster.kill_worker(LOST)
    assert not processes_of((cluster.workers[LOST],))
    before = part_files(lake)
    said = job.communicate(timeout=120)[1].decode()
    assert job.returncode == 0, said
    assert "Lost executor" in said
    assert 0 < len(before) < len(FIELDS) == len(part_files(lake))
    count_accesses(DayContext(config_of(undisturbed), DAY, "undisturbed"))
    assert fingerprints(lake) == fingerprints(undisturbed)


def test_a_job_that_the_launcher_submits_runs_on_the_cluster(
    cluster: LocalCluster, spark: SparkContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(CHECKOUT / "dags"))
    from shark_airflow.launch import Job, launch

    lake, undisturbed = tmp_path / "lake", tmp_path / "undisturbed"
    write_day(config_of(lake), count=1)
    shutil.copytree(lake, undisturbed, copy_function=os.link)
    config = config_file(tmp_path, config_of(lake))
    job = Job(["count-accesses", "--config", str(config), "--date", str(DAY)], "spark", "i", None)
    submit = f"--master {cluster.url} --driver-memory 512m"
    settings = {"JOBS_LAUNCHER": "spark-submit", "JOBS_SPARK_SUBMIT": submit}
    submitted = launch(job, settings)
    environment = {**os.environ, **submitted.environment, "JAVA_HOME": java_home()}
    before = tasks_said_of_all(cluster)
    done = subprocess.run(
        submitted.command, cwd=submitted.folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert tasks_said_of_all(cluster) > before
    count_accesses(DayContext(config_of(undisturbed), DAY, "undisturbed"))
    assert fingerprints(lake) == fingerprints(undisturbed)


def tasks_said_of_all(cluster: LocalCluster) -> int:
    workers = range(len(cluster.workers))
    return sum(len(tasks_said(cluster, worker, "Finished")) for worker in workers)


def run_driver(program: str, cluster: LocalCluster, folder: Path, **keys: object) -> str:
    """What `program` prints; its `spark` is a context on the cluster, made outside the checkout."""
    section = {"master": cluster.url, "driver_memory": "512m", **keys}
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-c", f"{DRIVER}{program}", json.dumps(section), str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_executors_have_the_checkout_and_its_interpreter(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    program = "print(*{place[1:] for place in run_tasks(spark, [0, 1], process_of, STAGE)})"
    assert run_driver(program, cluster, tmp_path) == f"{(sys.executable, True)}\n"


def test_a_job_that_gets_no_executor_ends(cluster: LocalCluster, tmp_path: Path) -> None:
    program = """
try:
    run_tasks(spark, [0], process_of, STAGE)
except RetryableError as error:
    print(error)
"""
    said = run_driver(program, cluster, tmp_path, executor_memory="2g", executor_wait=2)
    assert "no executor" in said
    assert "none for 2 s (spark.executor_wait)" in said
    assert cluster.url in said


def test_what_is_worth_another_try_is_tried_again(cluster: LocalCluster, tmp_path: Path) -> None:
    program = """
from functools import partial
from tests.spark.test_tasks import fail_until
print(run_tasks(spark, [3, 0, 2], partial(fail_until, sys.argv[2]), STAGE))
try:
    run_tasks(spark, [9], partial(fail_until, sys.argv[2]), STAGE)
except RetryableError as error:
    print(str(error).splitlines()[0])
"""
    said = run_driver(program, cluster, tmp_path)
    assert said == "[3, 0, 2]\nfailed 4 of 9 times\n"
