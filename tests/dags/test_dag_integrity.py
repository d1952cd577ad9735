"""All DAGs: what people see of them, how they are parsed, and the command that each task runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import typer

from jobs.cli import app
from tests.dags.conftest import DAG_IDS
from tests.dags.rendered import RESPONSE, commands, mapped_options

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = pytest.mark.airflow

GOLDEN = Path(__file__).with_name("golden")
# What may have been done although its reply was lost, and must not be done twice.
ONCE = {"release": {"promote", "rollback"}, "retrain_and_rollout": {"rollback", "broken"}}
MISSING = {"missing_days": ["2026-01-01", "2026-01-31"]}


@pytest.fixture(params=DAG_IDS)
def each(request: pytest.FixtureRequest, dags: Mapping[str, DAG]) -> DAG:
    return dags[request.param]


def lines(dag: DAG) -> Iterator[str]:
    for task_id, command in commands(dag).items():
        yield shlex.join([f"{task_id}:", "python", "-m", "jobs", *command])


def test_commands_are_the_golden_ones(each: DAG) -> None:
    assert [*lines(each)] == (GOLDEN / f"{each.dag_id}.txt").read_text().splitlines()


def test_the_command_line_takes_the_golden_commands(each: DAG) -> None:
    commands = [shlex.split(line)[4:] for line in lines(each)]
    assert commands
    for command in commands:
        assert parse(command)["config"] == Path("infra/config/demo.yaml")


def parse(arguments: list[str]) -> dict[str, Any]:
    """What the real command line makes of them; `click.UsageError` where it does not take them."""
    group = typer.main.get_command(app)
    while hasattr(group, "commands"):
        verb, *arguments = arguments
        group = group.commands[verb]
    params: dict[str, Any] = group.make_context("", arguments).params
    return params


def test_a_backfill_has_a_task_for_each_day_that_misses_something(dags: Mapping[str, DAG]) -> None:
    first, second = mapped_options(dags["backfill_fields"], "count", MISSING)
    assert (first["--start"], first["--end"]) == ("2026-01-01", "2026-01-02")
    assert (second["--start"], second["--end"]) == ("2026-01-31", "2026-02-01")
    assert first["--fields"] == "brand,device"
    for task_id, verb in (("count", "backfill-counts"), ("examples", "backfill-examples")):
        mapped = dags["backfill_fields"].get_task(task_id)
        assert mapped.partial_kwargs["verb"] == verb
        for options in mapped_options(dags["backfill_fields"], task_id, MISSING):
            parsed = parse([verb, *(word for pair in options.items() for word in pair)])
            assert parsed["start"] == options["--start"]


def test_what_a_person_has_emptied_in_the_form_is_left_out(dags: Mapping[str, DAG]) -> None:
    emptied = {"config": None, "warm_start": None, "expect": None, "date": None}
    for dag_id in ("backfill_fields", "retrain_and_rollout", "release"):
        for command in commands(dags[dag_id], emptied).values():
            assert "None" not in command
            assert "--warm-start" not in command
            parse(command)


def test_nobody_answering_in_time_is_kept_as_such(dags: Mapping[str, DAG]) -> None:
    """Airflow then fills in the default, and names nobody."""
    response = {"responded_by_user": None, "params_input": {"note": ""}}
    found = commands(dags["review_pruning"], response={**RESPONSE, **response})["reject"]
    assert found[found.index("--by") + 1] == "nobody: no answer in time"
    assert found[found.index("--note") + 1].startswith("in Airflow, run ")


def test_a_review_is_of_the_config_whose_report_is_there(dags: Mapping[str, DAG]) -> None:
    from airflow.sdk import Asset

    event = SimpleNamespace(extra={"config": "my.yaml", "date": "2026-01-04"})
    review = dags["review_pruning"]
    found = commands(review, triggering_asset_events={Asset("shark.report"): [event]})
    assert found["find-plan"] == ["plans", "waiting", "--config", "my.yaml", "--json"]
    assert [asset.name for asset in review.timetable.asset_condition.objects] == ["shark.report"]


def test_daily_tasks_go_before_all_others_that_wait_for_a_slot(dags: Mapping[str, DAG]) -> None:
    weights = {dag_id: {task.priority_weight for task in dag.tasks} for dag_id, dag in dags.items()}
    daily = weights.pop("daily_compression")
    assert min(daily) > max(max(others) for others in weights.values())
    rules = {str(task.weight_rule) for dag in dags.values() for task in dag.tasks}
    assert rules == {"absolute"}  # by default a task weighs more the more tasks wait for it


def test_people_see_what_it_is_for_and_whose_it_is(each: DAG) -> None:
    assert each.tags
    assert each.description
    assert "### What it does" in (each.doc_md or "")
    assert {task.owner for task in each.tasks} == {"recommender-platform"}
    for name in each.params:
        assert each.params.get_param(name).description, name


def test_failures_are_told_and_what_may_pass_is_tried_again(each: DAG) -> None:
    once = ONCE.get(each.dag_id, set())
    for task in each.tasks:
        told = [callback.__name__ for callback in task.on_failure_callback]
        assert told == ["alert_failure"], task.task_id
        if task.task_id not in once:
            assert task.retries == 3, task.task_id
            assert task.retry_exponential_backoff, task.task_id


def test_no_attempt_of_a_job_goes_on_for_ever(each: DAG) -> None:
    for task in each.tasks:
        if hasattr(task, "verb"):
            assert timedelta(0) < task.execution_timeout <= timedelta(hours=12), task.task_id


def test_runs_that_share_a_state_are_never_two_at_once(dags: Mapping[str, DAG]) -> None:
    for dag_id in ("release", "retrain_and_rollout", "review_pruning", "expire_snapshots"):
        assert dags[dag_id].max_active_runs == 1


def test_intervals_have_a_length(each: DAG) -> None:
    import pendulum
    from airflow.serialization.serialized_objects import DagSerialization

    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(each))
    days = pendulum.datetime(2026, 2, 1), pendulum.datetime(2026, 3, 1)
    if each.dag_id in ("release", "backfill_fields", "review_pruning"):
        assert not each.timetable.can_be_scheduled or each.dag_id == "review_pruning"
        return
    infos = list(scheduled.iter_dagrun_infos_between(*days))
    assert infos
    for info in infos:
        assert info.data_interval.end > info.data_interval.start


def test_parsing_all_is_quick_and_loads_neither_torch_nor_spark(airflow_path: Path) -> None:
    program = (
        "import sys, time, airflow.sdk\n"
        "start = time.perf_counter()\n"
        f"import {', '.join(DAG_IDS)}\n"
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


@pytest.mark.parametrize(
    ("dag_id", "name"),
    [
        ("retrain_and_rollout", "date"),
        ("retrain_and_rollout", "watch_date"),
        ("backfill_fields", "end"),
    ],
)
def test_what_is_written_like_no_day_is_refused_by_the_form(
    dags: Mapping[str, DAG], dag_id: str, name: str
) -> None:
    pattern = re.compile(dags[dag_id].params.get_param(name).schema["pattern"])
    assert pattern.search("2026-12-31")
    assert not any(map(pattern.search, ("2026-13-01", "2026-00-10", "2026-01-32", "yesterday")))
