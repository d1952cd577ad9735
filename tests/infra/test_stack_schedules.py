"""A stack in which schedules count: a day that is late is told of, its report starts a review."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.airflow.settings import CHECKOUT
from infra.airflow.states import HitlDetail
from shark_core.config import load_config
from shark_core.publish.lake_store import store_for
from shark_core.publish.plan_log import PlanLog
from tests.infra.running_stack import ANY_PORTS, Stack, running_stack, wait
from tests.publish.plans import propose
from tests.slow_reader import read_request
from tests.webhook import Webhook, webhook

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

REVIEW = "review_pruning"


DAILY = "daily_compression"


@pytest.fixture(scope="module")
def schedule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every day is late six seconds after its end."""
    path = tmp_path_factory.mktemp("schedule") / "schedule.toml"
    text = (CHECKOUT / "dags/schedule.toml").read_text()
    assert "deadline_minutes = 720 " in text
    path.write_text(text.replace("deadline_minutes = 720 ", "deadline_minutes = 0.1 "))
    return path


@pytest.fixture(scope="module")
def alerts() -> Iterator[Webhook]:
    with webhook() as listening:
        yield listening


@pytest.fixture(scope="module")
def stack(schedule: Path, alerts: Webhook) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch, running_stack() as running:
        patch.setenv("SHARK_SCHEDULE", str(schedule))
        patch.setenv("AIRFLOW_CONN_SHARK_ALERTS", f"http://127.0.0.1:{alerts.port}")
        running.says("up", *ANY_PORTS)
        yield running


def test_a_day_that_is_late_is_told_of(stack: Stack, alerts: Webhook) -> None:
    client = stack.client()
    client.set_variable("shark_config", str(stack.config()))
    client.unpause(DAILY)
    wait(lambda: any(each["reason"] == "deadline" for each in alerts.received), 180)
    client.pause(DAILY)
    (told,) = [each["text"] for each in alerts.received if each["reason"] == "deadline"]
    (run,) = client.runs(DAILY)
    assert run.run_type == "scheduled"
    assert told == f"{DAILY} of {run.day} is not done 0.1 minutes after the day's end"


def test_a_shell_becomes_the_stacks_by_its_variables(stack: Stack) -> None:
    path = stack.folder / "airflow.env"
    assert path.stat().st_mode & 0o077 == 0
    command = f". {path}; airflow variables get shark_config; python -m jobs --help"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=CHECKOUT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(stack.config()) in done.stdout
    assert "backfill-counts" in done.stdout


def test_the_report_of_a_day_asks_about_the_plan_of_its_config(stack: Stack) -> None:
    config = load_config(stack.config())
    log = PlanLog(store_for(config), config.name)
    plan = propose(log, "a")
    client = stack.client()
    client.unpause(REVIEW)
    client.tell_of_asset("shark.report", {"config": str(stack.config()), "date": str(plan.day)})
    requests: list[HitlDetail] = []

    def asked() -> bool:
        requests[:] = client.hitl_details(REVIEW)
        return bool(requests)

    wait(asked)
    (request,) = requests
    assert plan.plan_id in request.body
    assert client.run(REVIEW, request.run_id).run_type == "asset_triggered"
    read_request()
    client.approve(request)
    wait(lambda: client.run(REVIEW, request.run_id).is_over)
    head = log.head(plan.plan_id)
    assert (head.status, head.by) == ("approved", "admin")
