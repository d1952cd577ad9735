"""The calls of Airflow's REST API that a local Airflow is used by.

    client = AirflowClient(settings)
    client.log_in()
    run_id = client.trigger("daily_compression", {"config": "my.yaml"}, date(2026, 1, 1))
    client.tasks("daily_compression", run_id)

Every call raises `NoAnswer` while nobody answers and `Refused` where Airflow says no.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from http import HTTPStatus
from typing import Any

from infra.airflow.dag_calls import DagCalls
from infra.airflow.rest import API, Refused, RestApi, part
from infra.airflow.settings import USER, AirflowSettings
from infra.airflow.states import Heartbeat, HitlDetail, RunState, TaskState

ALL = "~"
APPROVE, REJECT = "Approve", "Reject"  # the options of Airflow's ApprovalOperator


class AirflowClient(DagCalls):
    """Calls the Airflow of `settings` as its only user; `log_in` first."""

    def __init__(self, settings: AirflowSettings) -> None:
        super().__init__(RestApi(settings.url))
        self._password = settings.password

    def log_in(self) -> None:
        credentials = {"username": USER, "password": self._password}
        self._api.token = self._api.call("POST", "/auth/token", credentials)["access_token"]

    def heartbeat(self, service: str) -> Heartbeat:
        """Of `scheduler` or `dag_processor`; needs no login."""
        return Heartbeat.of(service, self._api.get(f"{API}/monitor/health"))

    # Runs and tasks

    def trigger(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        logical_date: date | datetime | None = None,
        run_id: str | None = None,
    ) -> str:
        """Make one run and give back its id; without a logical date it has no data interval."""
        own_id = f"manual__{datetime.now(UTC).isoformat()}"
        request = {
            "dag_run_id": run_id or own_id,
            "logical_date": logical_date and _instant(logical_date),
            "conf": dict(conf or {}),
        }
        try:
            run: str = self._api.call_again("POST", _runs(dag_id), request)["dag_run_id"]
        except Refused as refused:
            if run_id or refused.status != HTTPStatus.CONFLICT:
                raise
            return own_id  # an earlier call has made it, though its answer was another
        return run

    def backfill(
        self,
        dag_id: str,
        first: date | datetime,
        last: date | datetime,
        conf: Mapping[str, Any] | None = None,
        max_active_runs: int = 3,
        reprocess_behavior: str = "none",
    ) -> int:
        """Make the runs of `first` to `last`, both included, oldest first; the backfill's id.

        Runs that exist are made again for `failed` or `completed`, and left alone for `none`.
        """
        request = {
            "dag_id": dag_id,
            "from_date": _instant(first),
            "to_date": _instant(last),
            "max_active_runs": max_active_runs,
            "reprocess_behavior": reprocess_behavior,
            "dag_run_conf": dict(conf or {}),
        }
        with self.held(dag_id):  # none is made twice: Airflow allows one of a DAG at a time
            made = self._api.call_again("POST", f"{API}/backfills", request)
        backfill_id: int = made["id"]
        return backfill_id

    def clear(self, dag_id: str, run_id: str) -> None:
        """Let all tasks of a run that is over run again."""
        body = {"dry_run": False, "only_failed": False}
        self._api.call_again("POST", f"{_runs(dag_id)}/{part(run_id)}/clear", body)

    def runs(self, dag_id: str) -> list[RunState]:
        return [RunState.of(run) for run in self._api.pages(_runs(dag_id), "dag_runs")]

    def run(self, dag_id: str, run_id: str) -> RunState:
        return RunState.of(self._api.get(f"{_runs(dag_id)}/{part(run_id)}"))

    def tasks(self, dag_id: str, run_id: str = ALL) -> list[TaskState]:
        """The tasks of one run, or of all."""
        path = f"{_runs(dag_id)}/{part(run_id)}/taskInstances"
        return [TaskState.of(task) for task in self._api.pages(path, "task_instances")]

    def xcom(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        key: str = "return_value",
        map_index: int = -1,
    ) -> Any | None:
        """What the task has pushed; None where it has pushed nothing under that key."""
        task = f"{_runs(dag_id)}/{part(run_id)}/taskInstances/{part(task_id)}"
        entry = self._api.find(f"{task}/xcomEntries/{part(key)}?map_index={map_index}")
        return entry and entry["value"]

    def tell_of_asset(self, name: str, extra: Mapping[str, Any] | None = None) -> None:
        """As a task that has made the asset does: DAGs that wait for it run."""
        found = self._api.pages(f"{API}/assets?name_pattern={part(name)}", "assets")
        (asset_id,) = (asset["id"] for asset in found if asset["name"] == name)
        event = {"asset_id": asset_id, "extra": dict(extra or {})}
        self._api.call("POST", f"{API}/assets/events", event)

    # Tasks that wait for a person

    def hitl_details(self, dag_id: str = ALL, run_id: str = ALL) -> list[HitlDetail]:
        """The requests that nobody has answered yet."""
        path = f"{_runs(dag_id)}/{part(run_id)}/hitlDetails?response_received=false"
        return [HitlDetail.of(detail) for detail in self._api.pages(path, "hitl_details")]

    def respond(
        self, detail: HitlDetail, option: str, params_input: Mapping[str, Any] | None = None
    ) -> None:
        """Choose one of the request's options; params that are not given keep their values."""
        task = f"{_runs(detail.dag_id)}/{part(detail.run_id)}/taskInstances/{part(detail.task)}"
        answer = {
            "chosen_options": [option],
            "params_input": {**detail.params, **(params_input or {})},
        }
        self._api.call("PATCH", f"{task}/{detail.map_index}/hitlDetails", answer)

    def approve(self, detail: HitlDetail, params_input: Mapping[str, Any] | None = None) -> None:
        self.respond(detail, APPROVE, params_input)

    def reject(self, detail: HitlDetail, params_input: Mapping[str, Any] | None = None) -> None:
        self.respond(detail, REJECT, params_input)


def _runs(dag_id: str) -> str:
    return f"{API}/dags/{part(dag_id)}/dagRuns"


def _instant(moment: date | datetime) -> str:
    """A day is its midnight in UTC."""
    if isinstance(moment, datetime):
        return moment.isoformat()
    return datetime.combine(moment, time(), tzinfo=UTC).isoformat()
