"""A stack whose Airflow has PostgreSQL for its database."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from infra.airflow.failure import Failure
from infra.stack.postgres import find_tools
from tests.infra.running_stack import ANY_PORTS, Stack, running_stack, wait

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


def missing_postgres() -> str:
    try:
        find_tools()
    except Failure as failure:
        return str(failure)
    return ""


@pytest.mark.skipif(bool(missing_postgres()), reason=missing_postgres() or "it is there")
def test_airflow_runs_on_postgres_by_a_socket(stack: Stack) -> None:
    stack.says("up", "--db", "postgres", *ANY_PORTS)
    status = stack.status()
    assert status["healthy"], status
    postgres = psutil.Process(stack.pids()["postgres"])
    assert postgres.username() != "root"
    assert [c for c in postgres.net_connections("inet") if c.status == "LISTEN"] == []
    assert not (stack.folder / "airflow" / "airflow.db").exists()
    assert review_without_plans(stack) == {
        "find-plan": "success",
        "is-there-one": "success",
        "ask": "skipped",
        "choose": "skipped",
        "approve": "skipped",
        "reject": "skipped",
    }
    assert "ended postgres" in stack.says("down")
    assert not psutil.pid_exists(postgres.pid) or postgres.status() == psutil.STATUS_ZOMBIE
    assert (stack.folder / "postgres" / "data" / "PG_VERSION").exists()


def review_without_plans(stack: Stack) -> dict[str, str | None]:
    """Task → state of a run of `review_pruning` on a lake that has nothing yet."""
    client = stack.client()
    client.unpause("review_pruning")
    run_id = client.trigger("review_pruning", {"config": str(stack.config())})
    wait(lambda: client.run("review_pruning", run_id).is_over)
    return {task.task: task.state for task in client.tasks("review_pruning", run_id)}
