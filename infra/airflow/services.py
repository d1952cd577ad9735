"""Starts what is needed of Airflow, and ends all of it, whatever happens in between."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.airflow.failure import Failure, tail
from infra.airflow.settings import CHECKOUT, USER, AirflowSettings
from infra.processes.ending import end, kill, uninterrupted
from infra.processes.service import Command, Service, start

AIRFLOW = [sys.executable, "-m", "airflow"]
SERVICES = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}
MIGRATE = "db-migrate"
ARGUMENTS = {MIGRATE: ["db", "migrate"], **SERVICES}


def airflow_command(
    name: str, settings: AirflowSettings, inherited: Mapping[str, str] = os.environ
) -> Command:
    """Of one of `SERVICES`, or of `MIGRATE`, which makes the database, or brings it up to date.

    It logs to `<home>/<name>.log`.
    """
    return Command(
        name=name,
        arguments=[*AIRFLOW, *ARGUMENTS[name]],
        folder=CHECKOUT,
        log=log_of(name, settings),
        environment=settings.environment(inherited),
    )


def log_of(name: str, settings: AirflowSettings) -> Path:
    return settings.home / f"{name}.log"


def make_home(settings: AirflowSettings) -> None:
    """The folder of everything that this Airflow writes, with its login in it."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.passwords_file.touch(mode=0o600)
    settings.passwords_file.write_text(json.dumps({USER: settings.password}))


class AirflowServices:
    """Context manager around api-server, scheduler and dag-processor, each in its own session."""

    def __init__(self, settings: AirflowSettings) -> None:
        self.settings = settings
        self._owner = secrets.token_hex(8)
        self._records: dict[str, Service] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def log(self, name: str) -> Path:
        return log_of(name, self.settings)

    def migrate(self) -> None:
        """Begin to make home and database; `start` waits for it."""
        make_home(self.settings)
        self.start_one(MIGRATE)

    def start(self) -> None:
        if self._children[MIGRATE].wait() != 0:
            raise Failure(f"Airflow's database is not made\n{tail(self.log(MIGRATE))}")
        self._forget(MIGRATE)
        for name in SERVICES:
            self.start_one(name)

    def start_one(self, name: str) -> None:
        command = airflow_command(name, self.settings)
        self._records[name], self._children[name] = start(command, self._owner)

    def kill_one(self, name: str) -> None:
        """SIGKILL a service and all that came of it, as when its machine is lost."""
        kill(self._records[name].family)
        self._children[name].wait()
        self._forget(name)

    def _forget(self, name: str) -> None:
        del self._records[name], self._children[name]

    def check(self) -> None:
        """Raise `Failure` if a service has ended by itself."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise Failure(
                    f"Airflow's {name} ended with {child.returncode}\n{tail(self.log(name))}"
                )

    def stop(self) -> None:
        """End the services and all that they started: workers, jobs, Spark's Java.

        A second Ctrl-C does not interrupt this.
        """
        with uninterrupted():
            end(list(self._records.values()))
            for child in self._children.values():
                child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
