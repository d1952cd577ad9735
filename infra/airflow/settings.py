"""Airflow's settings as environment variables.

Nothing of an Airflow that the user has elsewhere gets in: its variables are dropped, so that its
database is never touched. Everything listens on 127.0.0.1.

No triggerer is among the services: tasks that wait for a person wait in the database, callbacks of
deadlines run in the executor (`SyncCallback`), and no task defers.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
USER = "admin"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def new_password() -> str:
    return secrets.token_urlsafe(12)


def new_secret() -> str:
    return secrets.token_hex(32)


@dataclass(frozen=True)
class AirflowSettings:
    """`home` is Airflow's home; `jobs_folder` holds the package `jobs`, run by this interpreter.

    `database` is an SQLAlchemy URL, by default of SQLite in `home`. `jobs_at_once` are the slots of
    the default pool. Without `scheduled` only what is asked for runs: backfills and triggered runs.
    `paused` is how DAGs are when they are first seen. `variables` are set last, over all others.
    Port, password and secret are new ones unless given.
    """

    home: Path
    dags_folder: Path = CHECKOUT / "dags"
    jobs_folder: Path = CHECKOUT
    database: str = ""
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=new_password, repr=False)
    secret: str = field(default_factory=new_secret, repr=False)
    jobs_at_once: int = 2
    # A worker lingers for up to the heartbeat interval after its task, so there are more workers
    # than jobs at once; the pool is what limits those.
    parallelism: int = 4
    scheduled: bool = False
    paused: bool = False
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.home}/airflow.db"

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
            **self.variables,
        }

    def _airflow(self) -> dict[str, str]:
        return {
            "CORE__DAGS_FOLDER": str(self.dags_folder),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": str(self.parallelism),
            "CORE__DEFAULT_POOL_TASK_SLOT_COUNT": str(self.jobs_at_once),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": str(self.paused),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords_file),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": self.database_url,
            **self._database_by_one_driver(),
            "API__HOST": LOOPBACK,
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            "API__WORKERS": "1",
            "API__SECRET_KEY": self.secret,
            "API_AUTH__JWT_SECRET": self.secret,
            "SCHEDULER__USE_JOB_SCHEDULE": str(self.scheduled),
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        }

    def _database_by_one_driver(self) -> dict[str, str]:
        """psycopg serves asynchronous calls too, for which Airflow would take another driver."""
        is_psycopg = self.database.startswith("postgresql+psycopg:")
        return {"DATABASE__SQL_ALCHEMY_CONN_ASYNC": self.database} if is_psycopg else {}
