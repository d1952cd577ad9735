"""Airflow's settings for the demo, as environment variables.

Nothing of an Airflow that the user has elsewhere gets in: its variables are dropped, so that its
database is never touched. Everything listens on 127.0.0.1, with a password made for this run.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.demo.plan import CHECKOUT

LOOPBACK = "127.0.0.1"
JOBS_AT_ONCE = 2
RUNS_AT_ONCE = 3


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class DemoSettings:
    """`home` is Airflow's home, `jobs_folder` holds the package `jobs`.

    Port and secrets are new for each demo.
    """

    home: Path
    jobs_folder: Path = CHECKOUT
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def passwords_file(self) -> Path:
        return self.home / "passwords.json"

    def environment(self, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
        kept = {k: v for k, v in inherited.items() if not k.startswith(("AIRFLOW_", "_AIRFLOW"))}
        direct = ",".join(filter(None, [LOOPBACK, kept.get("NO_PROXY") or kept.get("no_proxy")]))
        return {
            **kept,
            "NO_PROXY": direct,
            "no_proxy": direct,
            "PYTHONUNBUFFERED": "1",
            "JOBS_PYTHON": sys.executable,
            "JOBS_FOLDER": str(self.jobs_folder),
            "AIRFLOW_HOME": str(self.home),
            **{f"AIRFLOW__{name}": value for name, value in self._airflow().items()},
        }

    def _airflow(self) -> dict[str, str]:
        return {
            "CORE__DAGS_FOLDER": str(CHECKOUT / "dags"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            # A worker lingers for up to the heartbeat interval after its task, so there are more
            # workers than jobs at once; the pool is what limits those.
            "CORE__PARALLELISM": str(2 * JOBS_AT_ONCE),
            "CORE__DEFAULT_POOL_TASK_SLOT_COUNT": str(JOBS_AT_ONCE),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords_file),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
            "API__HOST": LOOPBACK,
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": self.secret,
            "API_AUTH__JWT_SECRET": self.secret,
            # The backfill is all that runs: no run of yesterday, today or tomorrow.
            "SCHEDULER__USE_JOB_SCHEDULE": "False",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
