"""The running Airflow of these tests, and how they wait for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path

from infra.airflow.client import AirflowClient
from infra.airflow.rest import NoAnswer, Refused
from infra.airflow.services import AIRFLOW, AirflowServices
from infra.airflow.settings import CHECKOUT
from infra.airflow.states import HitlDetail, RunState, TaskState
from shark_core.lake import Lake
from tests.dags.conftest import DAG_IDS
from tests.slow_reader import read_request
from tests.webhook import Webhook

SECONDS = 400
TRIES_WHILE_LOCKED = 5


@dataclass(frozen=True)
class LiveAirflow:
    folder: Path
    services: AirflowServices
    client: AirflowClient
    alerts: Webhook

    @property
    def root(self) -> Path:
        return self.folder / "lake"

    @property
    def lake(self) -> Lake:
        return Lake(str(self.root))

    @property
    def config(self) -> Path:
        return self.folder / "live.yaml"

    def plant_fault(self, verb: str, day: object, exit_code: int) -> None:
        """The job's next attempt ends so."""
        (self.folder / "faults" / f"{verb}-{day}").write_text(str(exit_code))

    def airflow(self, *arguments: str) -> str:
        """What a person on call types, again where SQLite is locked."""
        environment = self.services.settings.environment()
        for _ in range(TRIES_WHILE_LOCKED):
            done = subprocess.run(
                [*AIRFLOW, *arguments], env=environment, check=False, capture_output=True, text=True
            )
            if done.returncode == 0 or "database is locked" not in done.stderr:
                break
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def jobs(self, *arguments: str) -> dict[str, object]:
        """`python -m jobs … --json`, as a person types it."""
        return self.jobs_of(self.config, *arguments)

    def jobs_of(self, config: Path, *arguments: str) -> dict[str, object]:
        command = [sys.executable, "-m", "jobs", *arguments, "--config", str(config), "--json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=CHECKOUT)
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def backfill(self, dag_id: str, first: date, last: date) -> None:
        """As soon as Airflow has noticed that the one before is over: it allows one at a time."""

        def accepted() -> bool:
            try:
                self.client.backfill(dag_id, first, last, {}, 3, "failed")
            except Refused as refused:
                if refused.status != HTTPStatus.CONFLICT:
                    raise
                # Of a call that was made again, the one before may have done it.
                return any(run.day == first for run in self.client.runs(dag_id))
            return True

        self.wait(accepted, f"no backfill of {dag_id} is accepted")

    def tasks(self, dag_id: str, run_id: str) -> dict[str, TaskState]:
        return {task.task: task for task in self.client.tasks(dag_id, run_id)}

    def wait(self, is_so: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            self.services.check()
            with suppress(NoAnswer):
                if is_so():
                    return
            time.sleep(0.5)
        raise AssertionError(f"{otherwise} within {SECONDS} s\n{self._standing()}")

    def wait_for_runs(self, dag_id: str, count: int) -> list[RunState]:
        """Until there are so many runs and all are over; in the order of their days."""
        found: list[RunState] = []

        def over() -> bool:
            found[:] = self.client.runs(dag_id)
            return len(found) >= count and all(run.is_over for run in found)

        self.wait(over, f"{count} runs of {dag_id} are not over")
        return sorted(found, key=lambda run: run.day)

    def wait_for_run(self, dag_id: str, run_id: str) -> RunState:
        self.wait(lambda: self.client.run(dag_id, run_id).is_over, f"{run_id} is not over")
        return self.client.run(dag_id, run_id)

    def wait_for_request(self, dag_id: str) -> HitlDetail:
        """What a task of the DAG asks a person, who has read it by then."""
        found: list[HitlDetail] = []

        def asked() -> bool:
            found[:] = self.client.hitl_details(dag_id)
            return bool(found)

        self.wait(asked, f"{dag_id} asks nobody")
        read_request()
        return found[0]

    def _standing(self) -> str:
        tasks = [task for dag_id in DAG_IDS for task in self.client.tasks(dag_id)]
        return "\n".join(str(task) for task in tasks if task.state != "success")
