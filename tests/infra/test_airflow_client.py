"""The client against a real Airflow with one small DAG."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date

import pytest

from infra.airflow.administration import Connection
from infra.airflow.client import AirflowClient
from infra.airflow.failure import Failure
from infra.airflow.readiness import connect
from infra.airflow.services import AirflowServices
from infra.airflow.settings import AirflowSettings
from infra.airflow.states import HitlDetail, RunState
from tests.slow_reader import read_request

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

DAG_ID = "asks"
DAG = """\
from datetime import UTC, datetime, timedelta
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task
with DAG(
    "asks",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    @task(pool="spark")
    def find(dag_run=None):
        return dag_run.conf["fields"]
    ask = ApprovalOperator(
        task_id="ask",
        subject="Prune?",
        body="{{ ti.xcom_pull('find') }}",
        params={"note": Param("", type="string"), "until": Param("ever", type="string")},
        response_timeout=timedelta(minutes=5),
    )
    @task
    def prune(answer):
        return answer["params_input"]
    find() >> ask >> prune(ask.output)
"""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServices]:
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    (folder / "dags" / "asks.py").write_text(DAG)
    settings = AirflowSettings(folder / "home", dags_folder=folder / "dags")
    with AirflowServices(settings) as running:
        running.migrate()
        running.start()
        yield running


@pytest.fixture(scope="module")
def client(services: AirflowServices) -> AirflowClient:
    return connect(services, [DAG_ID])


def until(is_so: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def request_of(client: AirflowClient, run_id: str) -> HitlDetail:
    until(lambda: bool(client.hitl_details(DAG_ID, run_id)))
    (detail,) = client.hitl_details(DAG_ID, run_id)
    read_request()
    return detail


def end_of(client: AirflowClient, run_id: str) -> dict[str, str | None]:
    """The state of each task, once the run is over."""
    until(lambda: client.run(DAG_ID, run_id).is_over)
    return {task.task: task.state for task in client.tasks(DAG_ID, run_id)}


def test_what_an_airflow_needs_is_made_and_changed(client: AirflowClient) -> None:
    assert client.pools() == {"default_pool": 2, "spark": 1, "gpu": 1}
    client.set_pool("gpu", 3, "three cards")
    client.make_pools()
    assert client.pools()["gpu"] == 3
    assert client.variable("shark_config") is None
    for value in ("one.yaml", "two.yaml"):
        client.set_variable("shark_config", value)
        assert client.variable("shark_config") == value
    for host in ("one.test", "two.test"):
        client.set_connection(Connection("shark_webhook", "http", host=host, password="p"))
    assert not client.knows_dag("another")
    client.pause(DAG_ID)
    assert client.is_paused(DAG_ID)
    client.unpause(DAG_ID)
    assert not client.is_paused(DAG_ID)


def test_a_dag_is_held_for_a_while_and_is_then_as_it_was(client: AirflowClient) -> None:
    with client.held(DAG_ID):
        assert client.is_paused(DAG_ID)
        with client.held(DAG_ID):
            assert client.is_paused(DAG_ID)
        assert client.is_paused(DAG_ID)
    assert not client.is_paused(DAG_ID)


def test_a_run_waits_for_a_person_and_goes_on_as_told(client: AirflowClient) -> None:
    approved = client.trigger(DAG_ID, {"fields": ["a"]}, date(2026, 1, 5), run_id="mine+1:2")
    rejected = client.trigger(DAG_ID, {"fields": ["b"]})
    assert approved == "mine+1:2"
    detail = request_of(client, approved)
    assert (detail.subject, detail.body, detail.task) == ("Prune?", "['a']", "ask")
    client.approve(detail, {"note": "seen"})
    client.reject(request_of(client, rejected))
    assert end_of(client, approved) == {"find": "success", "ask": "success", "prune": "success"}
    assert client.xcom(DAG_ID, approved, "prune") == {"note": "seen", "until": "ever"}
    assert end_of(client, rejected)["prune"] == "skipped"
    assert client.xcom(DAG_ID, rejected, "prune") is None
    assert client.hitl_details(DAG_ID) == []


def test_a_backfill_goes_on_after_its_scheduler_was_killed(
    services: AirflowServices, client: AirflowClient
) -> None:
    client.backfill(DAG_ID, date(2026, 1, 1), date(2026, 1, 2), {"fields": []})
    runs = [run for run in client.runs(DAG_ID) if run.run_type == "backfill"]
    assert [run.day for run in runs] == [date(2026, 1, 1), date(2026, 1, 2)]
    first, second = (request_of(client, run.run_id) for run in runs)
    services.kill_one("scheduler")
    services.check()
    client.approve(first)
    client.approve(second)
    time.sleep(1)
    assert not any(client.run(DAG_ID, run.run_id).is_over for run in runs)
    services.start_one("scheduler")
    assert {_state_of(client, run) for run in runs} == {"success"}


def _state_of(client: AirflowClient, run: RunState) -> str:
    end_of(client, run.run_id)
    return client.run(DAG_ID, run.run_id).state


def test_a_service_that_has_ended_is_told_with_its_log(services: AirflowServices) -> None:
    child = services._children["dag-processor"]  # the module's last test
    child.kill()
    child.wait()
    with pytest.raises(Failure, match=r"dag-processor ended with -9[\s\S]+whole log"):
        services.check()
