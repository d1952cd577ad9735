"""The daily DAG: order, days, and what it promises to the scheduler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobs.registry import DAY_VERBS
from tests.dags.rendered import commands

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = pytest.mark.airflow

VERBS = [verb.name for verb in DAY_VERBS]


def test_tasks_are_the_verbs_of_a_day_in_their_order(dag: DAG) -> None:
    assert [task.task_id for task in dag.topological_sort()] == VERBS


def test_each_task_waits_for_what_its_job_reads(dag: DAG) -> None:
    upstream = {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks}
    assert upstream == {
        "ingest": [],
        "count-accesses": ["ingest"],
        "update-priorities": ["count-accesses"],
        "train": ["ingest"],
        "score-fields": ["train"],
        "validate-importance": ["score-fields"],
        "plan-pruning": ["validate-importance"],
        "prune-fields": ["plan-pruning"],
        "assign-tiers": ["prune-fields", "update-priorities"],
        "finetune": ["assign-tiers"],
        "quantize": ["finetune"],
        "evaluate": ["quantize"],
        "publish": ["evaluate"],
        "report": ["publish"],
        "release-candidate": ["report"],
    }


def test_jobs_that_read_the_day_before_wait_for_it(dag: DAG) -> None:
    waiting = {task.task_id for task in dag.tasks if task.depends_on_past}
    expected = {"ingest", "update-priorities", "train", "plan-pruning", "assign-tiers", "publish"}
    assert waiting == expected


@pytest.mark.parametrize(
    ("params", "variables", "expected"),
    [
        ({"config": ""}, {"shark_config": "from/variable.yaml"}, "from/variable.yaml"),
        ({"config": "from/param.yaml"}, {"shark_config": "x.yaml"}, "from/param.yaml"),
    ],
)
def test_config_comes_from_the_param_then_from_the_variable(
    dag: DAG, params: dict[str, Any], variables: dict[str, str], expected: str
) -> None:
    assert commands(dag, params, variables)["train"][2] == expected


def test_data_intervals_are_whole_utc_days(dag: DAG) -> None:
    import pendulum
    from airflow.serialization.serialized_objects import DagSerialization

    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    first, last = pendulum.datetime(2026, 2, 27), pendulum.datetime(2026, 3, 1)
    infos = list(scheduled.iter_dagrun_infos_between(first, last))
    assert [info.data_interval.start.date().isoformat() for info in infos] == [
        "2026-02-27",
        "2026-02-28",
        "2026-03-01",
    ]
    for info in infos:
        assert info.data_interval.end - info.data_interval.start == timedelta(days=1)


@pytest.mark.parametrize(
    ("logical_date", "day"),
    [
        (None, "2026-01-05"),  # it was made on the sixth, in the morning
        (datetime(2026, 1, 4, tzinfo=UTC), "2026-01-04"),
        (datetime(2026, 1, 4, 0, 0, 1, tzinfo=UTC), "2026-01-03"),
        (datetime(2026, 1, 4, 23, 59, tzinfo=UTC), "2026-01-03"),
    ],
)
def test_a_run_by_hand_is_of_its_logical_date_or_of_the_last_day_that_was_over(
    dag: DAG, logical_date: datetime | None, day: str
) -> None:
    found = commands(dag, logical_date=logical_date)["train"]
    assert found[found.index("--date") + 1] == day


def test_nothing_is_caught_up_unasked(dag: DAG) -> None:
    assert dag.catchup is False


def test_each_daily_command_is_of_the_day_of_the_interval(dag: DAG) -> None:
    found = commands(dag)
    assert [*found] == VERBS
    for command in found.values():
        assert command[command.index("--date") + 1] == "2026-01-02"


def test_the_runbook_says_what_to_do(dag: DAG) -> None:
    for heading in ("What it does", "When a task has failed", "To run a day again", "To roll back"):
        assert f"### {heading}" in (dag.doc_md or "")


def test_runbook_explains_each_exit_code(dag: DAG) -> None:
    from shark_airflow.exit_codes import PERMANENT

    for code in (*PERMANENT, 75):
        assert str(code) in (dag.doc_md or "")


def test_every_dataset_that_others_may_wait_for_is_an_asset(dag: DAG) -> None:
    made = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks}
    assert made["ingest"] == ["shark.examples"]
    assert made["report"] == ["shark.report"]
    assert made["release-candidate"] == ["shark.production"]
    assert made["score-fields"] == []


def test_jobs_wait_for_a_slot_of_what_they_need(dag: DAG) -> None:
    pools = {task.task_id: task.pool for task in dag.tasks}
    assert pools["count-accesses"] == "spark"
    assert pools["train"] == "gpu"
    assert pools["report"] == "default_pool"


def test_a_day_that_is_not_done_long_after_its_end_is_told_of(dag: DAG) -> None:
    from airflow.sdk.definitions.deadline import DeadlineReference

    (deadline,) = dag.deadline
    assert deadline.reference == DeadlineReference.DAGRUN_LOGICAL_DATE
    assert deadline.interval == timedelta(days=1, hours=12)
    assert deadline.callback.path == "shark_airflow.alerts.alert_deadline"
