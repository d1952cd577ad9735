"""The DAG: what it promises to the scheduler, and the command that each task really runs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from jobs.cli import app
from jobs.registry import DAY_VERBS

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = pytest.mark.airflow

GOLDEN = Path(__file__).with_name("golden_commands.txt")
VERBS = [verb.name for verb in DAY_VERBS]


def commands(dag: DAG, params: dict[str, Any], variables: dict[str, str]) -> dict[str, list[str]]:
    """Task → its command line, rendered as Airflow renders it for 2026-01-02."""
    context = {
        "data_interval_start": datetime(2026, 1, 2, tzinfo=UTC),
        "run_id": "scheduled__2026-01-03T00:00:00+00:00",
        "params": params,
        "var": {"value": variables},
    }
    environment = dag.get_template_env()
    rendered = {}
    for task in dag.topological_sort():
        rendered[task.task_id] = task.render_template(task.arguments, context, environment)
    return rendered


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


def test_commands_are_the_golden_ones(dag: DAG) -> None:
    rendered = commands(dag, {"config": ""}, {})
    lines = [shlex.join(["python", "-m", "jobs", *rendered[verb]]) for verb in VERBS]
    assert lines == GOLDEN.read_text().splitlines()


def test_command_line_accepts_the_golden_commands() -> None:
    group = typer.main.get_command(app)
    for line in GOLDEN.read_text().splitlines():
        verb, *arguments = shlex.split(line)[3:]
        parsed = group.commands[verb].make_context(verb, arguments)  # type: ignore[attr-defined]
        assert parsed.params["date"] == "2026-01-02"
        assert parsed.params["config"] == Path("infra/config/demo.yaml")


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


def test_nothing_is_caught_up_unasked(dag: DAG) -> None:
    assert dag.catchup is False


def test_dag_and_params_say_what_they_are_for(dag: DAG) -> None:
    assert dag.tags
    assert {task.owner for task in dag.tasks} == {"recommender-platform"}
    assert all(dag.params.get_param(name).description for name in dag.params)
    for heading in ("What it does", "When a task has failed", "To run a day again", "To roll back"):
        assert f"### {heading}" in (dag.doc_md or "")


def test_runbook_explains_each_exit_code(dag: DAG) -> None:
    from job_task import PERMANENT

    for code in (*PERMANENT, 75):
        assert str(code) in (dag.doc_md or "")


def test_tasks_are_retried_ever_later(dag: DAG) -> None:
    for task in dag.tasks:
        assert task.retries == 3
        assert task.retry_exponential_backoff


def test_parsing_is_quick_and_loads_neither_torch_nor_spark(airflow_path: Path) -> None:
    program = (
        "import sys, time, airflow.sdk\n"
        "start = time.perf_counter()\n"
        "import daily_compression\n"
        "heavy = {'torch', 'pyspark', 'numpy', 'pyarrow', 'jobs', 'shark_core'} & {*sys.modules}\n"
        "print(*heavy, time.perf_counter() - start)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(airflow_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    *heavy, seconds = done.stdout.splitlines()[-1].split()
    assert heavy == []
    assert float(seconds) < 2
