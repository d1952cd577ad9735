"""The few calls of Airflow's REST API that the demo needs."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from infra.demo.settings import RUNS_AT_ONCE, DemoSettings

DAG_ID = "daily_compression"
PAGE = 100


@dataclass(frozen=True)
class TaskState:
    """One task of one day, as Airflow has it now."""

    day: date
    task: str
    run_id: str
    state: str | None
    attempt: int
    seconds: float | None

    @property
    def key(self) -> tuple[date, str, str | None, int]:
        return (self.day, self.task, self.state, self.attempt)


class NoAnswer(Exception):  # noqa: N818 - it may answer the next time
    """The api-server is not there, or too slow, this time."""


class AirflowClient:
    """Calls `settings.url`, past any proxy; raises `NoAnswer` while nobody answers."""

    def __init__(self, settings: DemoSettings) -> None:
        self._settings = settings
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        self._token = ""

    def log_in(self) -> None:
        credentials = {"username": "admin", "password": self._settings.password}
        self._token = self._call("POST", "/auth/token", credentials)["access_token"]

    def knows_dag(self) -> bool:
        try:
            self._call("GET", f"/api/v2/dags/{DAG_ID}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def import_errors(self) -> list[str]:
        answer = self._call("GET", "/api/v2/importErrors")
        return [error["stack_trace"] for error in answer["import_errors"]]

    def backfill(self, first_day: date, last_day: date, config: str) -> int:
        """Create one run for each day, oldest first; gives back the number of runs."""
        request = {
            "dag_id": DAG_ID,
            "from_date": f"{first_day}T00:00:00Z",
            "to_date": f"{last_day}T00:00:00Z",
            "max_active_runs": RUNS_AT_ONCE,
            "reprocess_behavior": "failed",
            "dag_run_conf": {"config": config},
        }
        self._call("POST", "/api/v2/backfills", request)
        runs: int = self._call("GET", f"/api/v2/dags/{DAG_ID}/dagRuns")["total_entries"]
        return runs

    def tasks(self) -> list[TaskState]:
        path = f"/api/v2/dags/{DAG_ID}/dagRuns/~/taskInstances?limit={PAGE}&offset="
        found: list[dict[str, Any]] = []
        while True:
            answer = self._call("GET", f"{path}{len(found)}")
            found += answer["task_instances"]
            if len(found) >= answer["total_entries"] or not answer["task_instances"]:
                return [_task_state(instance) for instance in found]

    def _call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - always our own http://127.0.0.1
            f"{self._settings.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {self._token}"} if self._token else {}),
            },
        )
        try:
            with self._open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts among them
            raise NoAnswer(str(error)) from error


def _task_state(instance: dict[str, Any]) -> TaskState:
    return TaskState(
        day=datetime.fromisoformat(instance["logical_date"]).date(),
        task=instance["task_id"],
        run_id=instance["dag_run_id"],
        state=instance["state"],
        attempt=instance["try_number"],
        seconds=instance["duration"],
    )
