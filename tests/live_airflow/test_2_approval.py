"""Pruning plans: asked about in Airflow, decided there, kept with the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.airflow.states import RunState
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.plan_entry import PlanEntry
from shark_core.publish.plan_log import PlanLog
from shark_core.report.stored import report_page
from tests.live_airflow.live_airflow import LiveAirflow
from tests.live_airflow.small_lake import DAYS, write_config

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

REVIEW = "review_pruning"


def plans(airflow: LiveAirflow) -> PlanLog:
    return PlanLog(LocalStore(airflow.root / "registry"), "live")


def proposed(airflow: LiveAirflow, **pruning: Any) -> PlanEntry:
    """A plan of the last day by other limits."""
    path = airflow.folder / "proposing.yaml"
    limits = {"max_measured_loss": 0.1, **pruning}
    write_config(path, airflow.root, pruning=limits)
    airflow.jobs_of(path, "plan-pruning", "--date", str(DAYS[-1]))
    waiting = [entry for entry in plans(airflow).plans() if entry.status == "proposed"]
    return waiting[0]


@pytest.fixture(scope="module")
def approved(airflow: LiveAirflow, two_more_days: list[RunState]) -> PlanEntry:
    """What the daily runs proposed."""
    airflow.client.trigger(REVIEW, {})
    request = airflow.wait_for_request(REVIEW)
    plan = next(entry for entry in plans(airflow).plans() if entry.status == "proposed")
    page = Path(report_page(airflow.lake, plan.day) or "").as_uri()
    for told in (plan.plan_id, *(f"| {field} |" for field in plan.pruned), f"({page})"):
        assert told in request.body
    assert request.subject == "live: prune 1 of 4 fields?"
    airflow.client.approve(request, {"note": "as we thought"})
    airflow.wait_for_run(REVIEW, request.run_id)
    return plans(airflow).head(plan.plan_id)


def test_an_approval_in_airflow_puts_the_plan_in_force(
    airflow: LiveAirflow, approved: PlanEntry
) -> None:
    assert (approved.status, approved.by) == ("approved", "admin")
    assert approved.note == "as we thought"
    in_force = plans(airflow).in_force(approved.day)
    assert in_force is not None
    assert in_force.plan_id == approved.plan_id


def test_a_rejection_is_kept_with_its_reason(airflow: LiveAirflow, approved: PlanEntry) -> None:
    plan = proposed(airflow, max_predicted_loss=1.0, max_fields=2)
    run_id = airflow.client.trigger(REVIEW, {})
    request = airflow.wait_for_request(REVIEW)
    assert plan.plan_id in request.body
    airflow.client.reject(request, {"note": "category is needed"})
    assert airflow.wait_for_run(REVIEW, run_id).state == "success"
    head = plans(airflow).head(plan.plan_id)
    assert (head.status, head.by, head.note) == ("rejected", "admin", "category is needed")


def test_nobody_answering_in_time_rejects(airflow: LiveAirflow, approved: PlanEntry) -> None:
    plan = proposed(airflow, max_predicted_loss=1.0, max_fields=3)
    run_id = airflow.client.trigger(REVIEW, {})
    assert airflow.wait_for_run(REVIEW, run_id).state == "success"
    head = plans(airflow).head(plan.plan_id)
    assert (head.status, head.by) == ("rejected", "nobody: no answer in time")


def test_where_no_plan_waits_nobody_is_asked(airflow: LiveAirflow) -> None:
    other = write_config(airflow.folder / "other.yaml", airflow.root, name="other")
    run_id = airflow.client.trigger(REVIEW, {"config": str(other)})
    airflow.wait_for_run(REVIEW, run_id)
    assert airflow.tasks(REVIEW, run_id)["ask"].state == "skipped"
