"""A standalone master and workers on this machine, for tests, benchmarks and trying things out.

    with LocalCluster(ClusterSize(workers=2, cores=1, memory="1g")) as cluster:
        ...  spark: {master: <cluster.url>} in a pipeline config

What they write lies in one folder, which is removed at the end:

    <parent>/spark-cluster-…/
        master.log  worker-0.log      what these processes say
        worker-0/app-…/0/stderr       what an executor says
        temporary/                    what would else lie in /tmp
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.processes.ending import interrupted_afterwards
from infra.spark.daemon import Daemon
from infra.spark.options import (
    DEFAULT_SIZE,
    LOOPBACK,
    ClusterSize,
    check_port,
    temporary_folder,
)
from shark_core.errors import ConfigError
from shark_core.java import java_home

MASTER_IS_UP = re.compile(r"Starting Spark master at (spark://\S+)[\s\S]+New state: ALIVE")
WORKER_IS_UP = re.compile(r"Successfully registered with master")

# Java only schedules here: this compiler and this collector start sooner and leave cores to Python.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
DAEMON_OPTIONS = "-Dspark.master.rest.enabled=false -Dspark.port.maxRetries=0"


class LocalCluster:
    """Context manager: the cluster is up inside the block, and gone with all its files after it.

    `port` of the master, 0 for a free one; `parent`: where its temporary folder is made. Enter it
    in a thread that lives as long as the cluster shall, see `infra.spark.tied_process`.

    Raises `ConfigError` for a port that is taken and without a usable Java, `RetryableError` where
    a process of Spark does not start.
    """

    def __init__(
        self, size: ClusterSize = DEFAULT_SIZE, port: int = 0, parent: Path | None = None
    ) -> None:
        self.size = size
        self.port = port
        self.parent = parent
        self.url = ""
        self.folder = Path()
        self._master: Daemon | None = None
        self._workers: list[Daemon] = []

    @property
    def workers(self) -> tuple[int, ...]:
        """The workers' process ids, which are their sessions' too."""
        return tuple(worker.pid for worker in self._workers)

    def worker_folder(self, number: int) -> Path:
        return self.folder / f"worker-{number}"

    def check(self) -> None:
        """Raises `RetryableError` if the master or a worker runs no longer."""
        for daemon in self._daemons:
            daemon.check()

    def kill_worker(self, number: int) -> None:
        """SIGKILL a worker, its executors and their Python workers, as a lost machine would be."""
        self._workers[number].kill()

    def __enter__(self) -> Self:
        home = java_home()
        check_port(self.port)
        self.folder = temporary_folder(self.parent)
        try:
            self._start(_environment(home, self.folder))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _start(self, environment: dict[str, str]) -> None:
        for name in ("temporary", "settings"):
            (self.folder / name).mkdir()
        ports = ["--host", LOOPBACK, "--webui-port", "0", "--port"]
        command = [*_launcher("master.Master"), *ports, str(self.port)]
        with interrupted_afterwards():
            self._master = Daemon("master", command, self.folder, environment)
        self.url = self._master.wait_for(MASTER_IS_UP)[1]
        resources = ["--cores", str(self.size.cores), "--memory", self.size.memory]
        for number in range(self.size.workers):
            work = ["--work-dir", str(self.worker_folder(number)), self.url]
            command = [*_launcher("worker.Worker"), *ports, "0", *resources, *work]
            with interrupted_afterwards():
                self._workers.append(Daemon(f"worker-{number}", command, self.folder, environment))
        for worker in self._workers:
            worker.wait_for(WORKER_IS_UP)

    @property
    def _daemons(self) -> list[Daemon]:
        return [*self._workers, *([self._master] if self._master else [])]

    def _end(self) -> None:
        for daemon in self._daemons:
            daemon.kill()
        shutil.rmtree(self.folder)


def _launcher(name: str) -> list[str]:
    return [str(_spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}"]


def _spark_home() -> Path:
    """The Spark inside pyspark: a driver of this interpreter has the same."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "pyspark is not installed", where="this interpreter", remedy="run `make setup`"
        )
    return Path(spec.origin).parent


def _environment(home: str, folder: Path) -> dict[str, str]:
    """Nothing of a Spark that the user has elsewhere gets in, and nothing gets out of `folder`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_", "PYSPARK_"))}
    temporary = str(folder / "temporary")
    java = f'{JAVA_OPTIONS} "-Djava.io.tmpdir={temporary}"'
    return {
        **kept,
        "JAVA_HOME": home,
        "JDK_JAVA_OPTIONS": " ".join(filter(None, [kept.get("JDK_JAVA_OPTIONS"), java])),
        "TMPDIR": temporary,
        "SPARK_HOME": str(_spark_home()),
        "SPARK_CONF_DIR": str(folder / "settings"),
        "SPARK_LOCAL_DIRS": temporary,
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": DAEMON_OPTIONS,
    }
