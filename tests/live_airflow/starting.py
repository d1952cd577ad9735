"""Starts the Airflow of these tests: impatient, on a small lake, jobs forked from one process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.airflow.readiness import connect
from infra.airflow.services import AirflowServices
from infra.airflow.settings import CHECKOUT, AirflowSettings
from tests.dags.conftest import DAG_IDS
from tests.live_airflow.live_airflow import LiveAirflow
from tests.live_airflow.small_lake import make_traffic, write_config
from tests.webhook import Webhook, webhook

# Shorter than people want, so that a test sees what happens after; but for the deadline, which is
# to come for days long past too: what people do must work while it is.
SCHEDULE = {
    "retry_seconds = 60": "retry_seconds = 1",
    "max_retry_seconds = 1800": "max_retry_seconds = 2",
    "poll_seconds = 120": "poll_seconds = 1",
    "deadline_minutes = 720": "deadline_minutes = 9_000_000",
    "approval_minutes = 4320": "approval_minutes = 0.4",
}
# A scheduler that is slow must not take itself for dead: its threshold stays at half a minute.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
}


@contextmanager
def running_airflow(folder: Path, database: str = "") -> Iterator[LiveAirflow]:
    """On a lake with traffic and nothing else; everything ends with it."""
    (folder / "faults").mkdir()
    make_traffic(folder, folder / "lake")
    write_config(folder / "live.yaml", folder / "lake")
    with preloaded(folder / "jobs.socket"), webhook() as alerts:
        settings = AirflowSettings(
            folder / "airflow",
            database=database,
            jobs_at_once=3,
            parallelism=8,
            variables=_variables(folder, alerts),
        )
        with AirflowServices(settings) as services:
            services.migrate()
            services.start()
            client = connect(services, DAG_IDS)
            client.set_pool("spark", 2)  # what Spark waits for here is its own start
            yield LiveAirflow(folder, services, client, alerts)


def _variables(folder: Path, alerts: Webhook) -> dict[str, str]:
    schedule = (CHECKOUT / "dags/schedule.toml").read_text()
    for line, shorter in SCHEDULE.items():
        assert line in schedule
        schedule = schedule.replace(line, shorter)
    (folder / "schedule.toml").write_text(schedule)
    python = folder / "python"
    shim = CHECKOUT / "tests/live_airflow/jobs_python.py"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S {shim} "$@"\n')
    python.chmod(0o755)
    return {
        **IMPATIENT,
        "SHARK_SCHEDULE": str(folder / "schedule.toml"),
        "SHARK_PRELOADED": str(folder / "jobs.socket"),
        "SHARK_FAULTS": str(folder / "faults"),
        "JOBS_PYTHON": str(python),
        "AIRFLOW_VAR_SHARK_CONFIG": str(folder / "live.yaml"),
        "AIRFLOW_CONN_SHARK_ALERTS": f"http://127.0.0.1:{alerts.port}",
    }


@contextmanager
def preloaded(path: Path) -> Iterator[None]:
    """The interpreter that jobs are forked from."""
    command = [sys.executable, "-m", "tests.live_airflow.preloaded_jobs", str(path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment) as server:
        try:
            while not path.exists():
                assert server.poll() is None
                time.sleep(0.1)
            yield
        finally:
            server.terminate()
