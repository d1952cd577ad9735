"""Waiting for a task of the daily run of some day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.sensors.python import PythonSensor

from shark_airflow.schedule import Rollout, minutes

DAILY = "daily_compression"


def wait_for(
    task_id: str, day: str, done: str, limits: Rollout, extra: timedelta = timedelta(0)
) -> PythonSensor:
    """A sensor until the task `done` of the daily run of `day`, a template, has succeeded.

    It fails for good after `limits.wait_minutes` and `extra`.
    """
    return PythonSensor(
        task_id=task_id,
        python_callable=has_succeeded,
        op_kwargs={"day": day, "done": done},
        mode="reschedule",  # no worker is held meanwhile
        poke_interval=limits.poll_seconds,
        timeout=minutes(limits.wait_minutes) + extra,
    )


def has_succeeded(day: str, done: str, ti: Any) -> bool:
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    found: int = ti.get_ti_count(
        dag_id=DAILY, task_ids=[done], logical_dates=[moment], states=["success"]
    )
    return found > 0
