"""The daily DAG: past days in order, through trouble, twice, and a day that cannot succeed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from infra.airflow.states import RunState
from jobs.registry import DAY_VERBS
from shark_core.lake import partition
from shark_core.publish.catalog import CANDIDATE, Catalog
from shark_core.report.stored import read_report
from shark_core.schemas import EXAMPLES, REPORT
from tests.live_airflow.conftest import AGAIN, DAILY, FAILED_ONCE, KILLED_IN, RunTwice
from tests.live_airflow.live_airflow import LiveAirflow
from tests.live_airflow.small_lake import DAYS, WITHOUT_TRAFFIC, add_traffic

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def test_every_task_of_every_day_has_run(airflow: LiveAirflow, five_days: list[RunState]) -> None:
    assert [(run.day, run.state) for run in five_days] == [(day, "success") for day in DAYS]
    for run in five_days:
        states = {name: task.state for name, task in airflow.tasks(DAILY, run.run_id).items()}
        assert states == {verb.name: "success" for verb in DAY_VERBS}


def test_the_lake_has_what_the_days_came_to(
    airflow: LiveAirflow, five_days: list[RunState], catalog: Catalog
) -> None:
    for day in DAYS:
        assert airflow.lake.marker(partition(EXAMPLES, day)).rows == 4000
        assert airflow.lake.find_marker(partition(REPORT, day)) is not None
        snapshot = catalog.snapshot(read_report(airflow.lake, day).snapshot_id)
        assert snapshot.start.date() == day
        assert not snapshot.failed_gates


def test_days_are_published_in_order(
    airflow: LiveAirflow, five_days: list[RunState], catalog: Catalog
) -> None:
    moves = [catalog.snapshot(entry.snapshot_id) for entry in catalog.history(CANDIDATE)]
    assert [manifest.start.date() for manifest in reversed(moves)] == [*DAYS]
    by_day = {manifest.start.date(): manifest for manifest in moves}
    for before, day in pairwise(DAYS):
        assert by_day[day].parent == by_day[before].snapshot_id


def test_trouble_that_passes_is_tried_again(
    airflow: LiveAirflow, five_days: list[RunState]
) -> None:
    verb, day = FAILED_ONCE
    attempts = {(task.task, task.day): task.attempt for task in airflow.client.tasks(DAILY)}
    assert attempts[verb, day] >= 2
    assert attempts[verb, DAYS[0]] == 1


def test_a_task_whose_scheduler_was_killed_is_tried_again(
    airflow: LiveAirflow, five_days: list[RunState]
) -> None:
    verb, day = KILLED_IN
    attempts = {(task.task, task.day): task.attempt for task in airflow.client.tasks(DAILY)}
    assert attempts[verb, day] >= 2


def test_days_that_run_twice_come_to_the_same(run_twice: RunTwice) -> None:
    """One of them is the day in which the scheduler was killed: it came to what it should have."""
    assert KILLED_IN[1] in AGAIN
    differing = {
        path
        for path in {*run_twice.before, *run_twice.after}
        if run_twice.before.get(path) != run_twice.after.get(path)
    }
    assert differing == set()
    assert run_twice.snapshots_before == run_twice.snapshots_after


def test_what_a_person_must_mend_is_not_tried_again_and_is_told(
    airflow: LiveAirflow, two_more_days: list[RunState]
) -> None:
    run = two_more_days[-1]
    assert (run.day, run.state) == (WITHOUT_TRAFFIC, "failed")
    tasks = airflow.tasks(DAILY, run.run_id)
    assert (tasks["ingest"].state, tasks["ingest"].attempt) == ("failed", 1)
    assert {tasks[verb.name].state for verb in DAY_VERBS[1:]} == {"upstream_failed"}
    (alert,) = [each for each in airflow.alerts.received if each["task"] == "ingest"]
    assert "ingest ended with 65" in alert["text"]
    assert f"ds={WITHOUT_TRAFFIC}" in alert["reason"]
    assert alert["run"] == run.run_id


def test_a_failed_day_is_repaired_by_clearing_it(
    airflow: LiveAirflow, two_more_days: list[RunState], catalog: Catalog
) -> None:
    """Its deadline is still to come."""
    run = two_more_days[-1]
    add_traffic(airflow.root, WITHOUT_TRAFFIC)
    airflow.client.clear(DAILY, run.run_id)
    assert airflow.wait_for_run(DAILY, run.run_id).state == "success"
    head = catalog.head(CANDIDATE)
    assert head is not None
    assert catalog.snapshot(head.snapshot_id).start.date() == WITHOUT_TRAFFIC
