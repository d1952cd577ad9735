"""schedule.toml as a value: when the DAGs run, how long they may take, how often they try."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from shark_airflow.alerts import alert_failure

FILE = Path(__file__).resolve().parents[1] / "schedule.toml"


@dataclass(frozen=True)
class Tasks:
    retries: int
    retry_seconds: float
    max_retry_seconds: float


@dataclass(frozen=True)
class Minutes:
    spark: float
    gpu: float
    plain: float


@dataclass(frozen=True)
class Daily:
    catchup: bool
    max_active_runs: int
    deadline_minutes: float


@dataclass(frozen=True)
class Backfill:
    days_at_once: int


@dataclass(frozen=True)
class Rollout:
    schedule: str
    window_days: int
    poll_seconds: float
    wait_minutes: float
    approval_minutes: float


@dataclass(frozen=True)
class Review:
    approval_minutes: float


@dataclass(frozen=True)
class Expiry:
    schedule: str


@dataclass(frozen=True)
class Schedule:
    """One field for each section of the file; `start`: a day in UTC."""

    start: date
    tasks: Tasks
    minutes: Minutes
    daily_compression: Daily
    backfill_fields: Backfill
    retrain_and_rollout: Rollout
    review_pruning: Review
    expire_snapshots: Expiry

    @property
    def start_date(self) -> datetime:
        return datetime.combine(self.start, time(), UTC)


SECTIONS = {
    "tasks": Tasks,
    "minutes": Minutes,
    "daily_compression": Daily,
    "backfill_fields": Backfill,
    "retrain_and_rollout": Rollout,
    "review_pruning": Review,
    "expire_snapshots": Expiry,
}


def read_schedule(path: Path | None = None) -> Schedule:
    """Raises `ValueError` for a missing or unknown key: Airflow shows it as an import error."""
    chosen = path or Path(os.environ.get("SHARK_SCHEDULE") or FILE)
    document = tomllib.loads(chosen.read_text(encoding="utf-8"))
    try:
        sections = {name: kind(**document.pop(name)) for name, kind in SECTIONS.items()}
        return Schedule(**document, **sections)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{chosen}: expected the keys of {FILE.name} as the checkout has it; found: {error}"
        ) from error


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def task_defaults(schedule: Schedule, priority: int = 1) -> dict[str, Any]:
    """`default_args` of every DAG; of tasks that wait for a slot, the highest priority runs."""
    return {
        "priority_weight": priority,
        "weight_rule": "absolute",
        "owner": "recommender-platform",
        "retries": schedule.tasks.retries,
        "retry_delay": timedelta(seconds=schedule.tasks.retry_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(seconds=schedule.tasks.max_retry_seconds),
        "on_failure_callback": alert_failure,
    }
