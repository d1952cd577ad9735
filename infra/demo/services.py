"""Starts what is needed of Airflow, and ends all of it, whatever happens in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from infra.demo.failure import DemoFailed, tail
from infra.demo.plan import CHECKOUT
from infra.demo.settings import DemoSettings

AIRFLOW = [sys.executable, "-m", "airflow"]
SERVICES = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}
SECONDS_TO_STOP = 5


class AirflowServices:
    """Context manager around api-server, scheduler and dag-processor, each in its own session.

    Every service logs to `<home>/<service>.log`.
    """

    def __init__(self, settings: DemoSettings) -> None:
        self.settings = settings
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def log(self, name: str) -> Path:
        return self.settings.home / f"{name}.log"

    def migrate(self) -> subprocess.Popen[bytes]:
        """Start to make the home and an empty database; nothing else runs before it has ended."""
        self.settings.home.mkdir(parents=True)
        self.settings.passwords_file.touch(mode=0o600)
        self.settings.passwords_file.write_text(json.dumps({"admin": self.settings.password}))
        return self._start("db-migrate", ["db", "migrate"])

    def start(self) -> None:
        if self._processes.pop("db-migrate").wait() != 0:
            raise DemoFailed(f"Airflow's database is not made\n{tail(self.log('db-migrate'))}")
        for name, arguments in SERVICES.items():
            self._start(name, arguments)

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*AIRFLOW, *arguments],
                cwd=CHECKOUT,
                env=self.settings.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours: we end them in order
            )
        return self._processes[name]

    def check(self) -> None:
        """Raise `DemoFailed` if a service has ended by itself."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise DemoFailed(
                    f"Airflow's {name} ended with {process.returncode}\n{tail(self.log(name))}"
                )

    def stop(self) -> None:
        """End the services and all that they started: workers, jobs, Spark's Java.

        A second Ctrl-C does not interrupt this.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        family = _with_descendants(self._processes.values())
        for process in family:
            _unless_gone(process.terminate)
        _, alive = psutil.wait_procs(family, SECONDS_TO_STOP)
        for process in {*alive, *_with_descendants(self._processes.values())}:
            _unless_gone(process.kill)
        for started in self._processes.values():
            started.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _with_descendants(started: Iterable[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    family: list[psutil.Process] = []
    for process in started:
        try:
            parent = psutil.Process(process.pid)
            family += [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return family


def _unless_gone(action: Callable[[], object]) -> None:
    with suppress(psutil.NoSuchProcess):
        action()
