"""Follows the runs: a line for each task that ends, a line for each day, the log of a failure."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from infra.airflow.failure import tail
from infra.airflow.rest import NoAnswer
from infra.airflow.states import OVER, TaskState
from infra.demo.failure import DemoFailed
from infra.demo.plan import DAG_ID

POLL_SECONDS = 1.0
STALLED_AFTER_SECONDS = 1200.0
SHOWN = OVER | {"up_for_retry"}


class Progress:
    """What has been shown so far; `update` shows what is new and says whether all is done."""

    def __init__(self, tasks_per_day: int, days: int, logs: Path, say: Callable[[str], None]):
        self._tasks_per_day = tasks_per_day
        self._days = days
        self._logs = logs
        self._say = say
        self._seen: set[tuple[object, ...]] = set()
        self._started: dict[date, float] = {}
        self._done: set[date] = set()

    def update(self, tasks: Sequence[TaskState], now: float) -> bool:
        """Raises `DemoFailed` for the first task that has failed for good."""
        for task in tasks:
            if task.state is not None:
                self._started.setdefault(task.day, now)
            if task.state in SHOWN and task.key not in self._seen:
                self._show(task)
            self._seen.add(task.key)
        for day in sorted({task.day for task in tasks} - self._done):
            self._finish(day, [task for task in tasks if task.day == day], now)
        return len(self._done) == self._days

    @property
    def seen(self) -> int:
        """Grows with every change of any task."""
        return len(self._seen)

    def _show(self, task: TaskState) -> None:
        line = f"{task.day}  {task.task:<20}{task.seconds or 0.0:6.1f} s"
        if task.state == "success":
            self._say(line)
            return
        shown = f"{line}  {task.state} (attempt {task.attempt})\n{self._log_of(task)}"
        if task.state in OVER:
            raise DemoFailed(shown)
        self._say(f"{shown}\n  Airflow tries again in a minute or more")

    def _finish(self, day: date, tasks: Sequence[TaskState], now: float) -> None:
        if any(task.state not in OVER for task in tasks):
            return
        # A run without tasks is a success for Airflow: count them.
        if len(tasks) != self._tasks_per_day:
            raise DemoFailed(f"{day}: {self._tasks_per_day} tasks expected, {len(tasks)} ran")
        self._done.add(day)
        self._say(
            f"{day}  day {len(self._done)} of {self._days} done in {now - self._started[day]:.0f} s"
        )

    def _log_of(self, task: TaskState) -> str:
        folder = self._logs / f"dag_id={DAG_ID}" / f"run_id={task.run_id}" / f"task_id={task.task}"
        return task_log_tail(folder / f"attempt={task.attempt}.log")


def task_log_tail(path: Path, lines: int = 25) -> str:
    """The job's last lines out of a task log, which holds one JSON object a line."""
    if not path.is_file():
        return tail(path)
    events = [_event(line) for line in path.read_text(encoding="utf-8").splitlines()]
    shown = [event for event in events if event and not event.startswith("::")][-lines:]
    return "\n".join([*(f"  │ {event}" for event in shown), f"  whole log: {path}"])


def _event(line: str) -> str:
    try:
        return str(json.loads(line).get("event", ""))
    except json.JSONDecodeError:
        return line


def follow(
    progress: Progress, tasks: Callable[[], Sequence[TaskState]], check: Callable[[], None]
) -> None:
    """Poll until all days are done; `check` raises if a service is gone."""
    seen, changed = 0, time.monotonic()
    while not progress.update(_answer(tasks), time.monotonic()):
        check()
        if progress.seen != seen:
            seen, changed = progress.seen, time.monotonic()
        if time.monotonic() - changed > STALLED_AFTER_SECONDS:
            raise DemoFailed(f"no task has changed for {STALLED_AFTER_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def _answer(tasks: Callable[[], Sequence[TaskState]]) -> Sequence[TaskState]:
    """Nothing new where Airflow is too busy to answer; `follow` gives up on it in time."""
    try:
        return tasks()
    except NoAnswer:
        return ()
