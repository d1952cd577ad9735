"""What the demo shows of a run, and when it says that the run has failed."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from infra.airflow.states import TaskState
from infra.demo.failure import DemoFailed
from infra.demo.progress import Progress, task_log_tail

DAYS = [date(2026, 1, 1), date(2026, 1, 2)]


def task(
    day: date, name: str, state: str | None, seconds: float | None = 1.5, attempt: int = 1
) -> TaskState:
    return TaskState(day, name, "run", state, attempt, seconds)


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def progress(shown: list[str], tmp_path: Path) -> Progress:
    return Progress(tasks_per_day=2, days=2, logs=tmp_path, say=shown.append)


def test_each_finished_task_is_shown_once(progress: Progress, shown: list[str]) -> None:
    tasks = [task(DAYS[0], "ingest", "success"), task(DAYS[0], "train", "running", None)]
    assert not progress.update(tasks, now=0.0)
    assert not progress.update(tasks, now=1.0)
    assert shown == ["2026-01-01  ingest                 1.5 s"]


def test_all_is_done_when_each_day_is(progress: Progress, shown: list[str]) -> None:
    first = [task(DAYS[0], name, "success") for name in ("ingest", "train")]
    second = [task(DAYS[1], name, "running") for name in ("ingest", "train")]
    assert not progress.update([*first, *second], now=0.0)
    second = [task(DAYS[1], name, "success") for name in ("ingest", "train")]
    assert progress.update([*first, *second], now=7.0)
    assert shown[-1] == "2026-01-02  day 2 of 2 done in 7 s"


def test_a_day_with_fewer_tasks_than_verbs_is_no_success(progress: Progress) -> None:
    with pytest.raises(DemoFailed, match="2 tasks expected, 1 ran"):
        progress.update([task(DAYS[0], "ingest", "success")], now=0.0)


@pytest.mark.parametrize("state", ["failed", "upstream_failed"])
def test_a_failed_task_ends_the_demo_with_the_jobs_last_words(
    progress: Progress, tmp_path: Path, state: str
) -> None:
    log = tmp_path / "dag_id=daily_compression" / "run_id=run" / "task_id=train" / "attempt=2.log"
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps({"event": "DataError: a day with one label only"}))
    with pytest.raises(DemoFailed, match="a day with one label only") as failed:
        progress.update([task(DAYS[0], "train", state, attempt=2)], now=0.0)
    assert str(log) in str(failed.value)


def test_a_task_that_is_tried_again_is_shown_and_waited_for(
    progress: Progress, shown: list[str]
) -> None:
    assert not progress.update([task(DAYS[0], "train", "up_for_retry")], now=0.0)
    assert "up_for_retry (attempt 1)" in shown[0]
    assert "tries again" in shown[0]


def test_a_log_tail_holds_the_last_events_without_airflows_groups(tmp_path: Path) -> None:
    log = tmp_path / "attempt=1.log"
    events = ["first", "::group::Post Execute", *(f"line {n}" for n in range(3)), "::endgroup::"]
    log.write_text("\n".join(json.dumps({"event": event}) for event in events) + "\nnot json\n")
    assert task_log_tail(log, lines=3).splitlines() == [
        "  │ line 1",
        "  │ line 2",
        "  │ not json",
        f"  whole log: {log}",
    ]
