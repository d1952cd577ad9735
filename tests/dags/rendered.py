"""The command that each task of a DAG runs, rendered as Airflow renders it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG

ANSWERS = {
    "canary": {"snapshot": "aaaaaaaaaaaaaaaa", "against": "bbbbbbbbbbbbbbbb"},
    "find-plan": {"plan": "2026-01-04-0f840604"},
    "day-to-watch": "2026-01-03",
}
PARAMS: dict[str, dict[str, Any]] = {
    "backfill_fields": {
        "fields": ["brand", "device"],
        "start": "2026-01-01",
        "end": "2026-01-05",
        "dry_run": False,
    },
    "release": {"snapshot": "3f9a1c", "expect": "cccccccccccccccc"},
    "expire_snapshots": {"apply": True},
}


RESPONSE = {
    "chosen_options": ["Approve"],
    "params_input": {"note": "the brand field goes"},
    "responded_at": datetime(2026, 1, 6, 9, tzinfo=UTC),
    "responded_by_user": {"id": "1", "name": "ann"},
}


class Answers:
    """Stands for the task instance that templates pull XComs from."""

    def __init__(self, dag: DAG, response: Mapping[str, Any]) -> None:
        self._dag, self._response = dag, response

    def xcom_pull(self, task_ids: str) -> Any:
        """Of a request to a person: what its operator makes of the response."""
        if task_ids == "ask":
            return self._dag.get_task("ask").execute_complete({}, dict(self._response))
        return ANSWERS[task_ids]


class Run:
    run_after = datetime(2026, 1, 6, 7, 8, 9, tzinfo=UTC)


def context_of(
    dag: DAG,
    params: Mapping[str, Any],
    variables: Mapping[str, str],
    response: Mapping[str, Any] = RESPONSE,
) -> dict[str, Any]:
    from airflow.sdk.execution_time.context import MacrosAccessor

    return {
        "logical_date": datetime(2026, 1, 2, tzinfo=UTC),
        "data_interval_start": datetime(2026, 1, 2, tzinfo=UTC),
        "data_interval_end": datetime(2026, 1, 3, tzinfo=UTC),
        "run_id": "scheduled__2026-01-03T00:00:00+00:00",
        "dag_run": Run(),
        "ti": Answers(dag, response),
        "macros": MacrosAccessor(),
        "params": {**dag.params.dump(), **PARAMS.get(dag.dag_id, {}), **params},
        "var": {"value": dict(variables)},
        "triggering_asset_events": {},
    }


def commands(
    dag: DAG,
    params: Mapping[str, Any] = {},
    variables: Mapping[str, str] = {},
    **context_changes: Any,
) -> dict[str, list[str]]:
    """Task → what follows `python -m jobs`, for the tasks that run a job and are not mapped."""
    from shark_airflow.job_task import JobTask, command_line

    response = context_changes.pop("response", RESPONSE)
    changed = context_of(dag, params, variables, response) | context_changes
    # What a run has not is not in Airflow's context at all.
    context = {name: value for name, value in changed.items() if value is not None}
    environment = dag.get_template_env()
    rendered = {}
    for task in dag.topological_sort():
        if isinstance(task, JobTask):
            options = task.render_template(task.options, context, environment)
            flags = task.render_template(task.flags, context, environment)
            rendered[task.task_id] = command_line(task.verb, options, flags)
    return rendered


def mapped_options(dag: DAG, task_id: str, figures: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the task before a mapped one makes of a plan's figures: options by mapped task."""
    before = dag.get_task(re.sub("^", "days-of-", task_id))
    context, environment = context_of(dag, {}, {}), dag.get_template_env()
    _, common = before.op_args
    rendered = before.render_template(common, context, environment)
    options: list[dict[str, str]] = before.python_callable(figures, rendered)
    return options
