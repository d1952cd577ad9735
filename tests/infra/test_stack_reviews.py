"""A stack in which schedules count: the report of a day starts the review of its plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.airflow.states import HitlDetail
from shark_core.config import load_config
from shark_core.publish.lake_store import store_for
from shark_core.publish.plan_log import PlanLog
from tests.infra.running_stack import ANY_PORTS, Stack, running_stack, wait
from tests.publish.plans import propose
from tests.slow_reader import read_request

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

REVIEW = "review_pruning"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


def test_the_report_of_a_day_asks_about_the_plan_of_its_config(stack: Stack) -> None:
    stack.says("up", *ANY_PORTS)
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
