"""Runs, tasks, requests to people, and services, as Airflow has them at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

OVER = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})


@dataclass(frozen=True)
class RunState:
    """One run of a DAG; `day` is that of its logical date, or the day on which it was made."""

    dag_id: str
    run_id: str
    run_type: str
    state: str
    day: date
    conf: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> RunState:
        return cls(
            dag_id=answer["dag_id"],
            run_id=answer["dag_run_id"],
            run_type=answer["run_type"],
            state=answer["state"],
            day=_day(answer),
            conf=answer["conf"] or {},
        )


@dataclass(frozen=True)
class TaskState:
    """One task of one run; `map_index` −1 unless it is one of several of a mapped task."""

    day: date
    task: str
    run_id: str
    state: str | None
    attempt: int
    seconds: float | None
    map_index: int = -1

    @property
    def key(self) -> tuple[date, str, str, int, str | None, int]:
        """Another one with every change."""
        return (self.day, self.run_id, self.task, self.map_index, self.state, self.attempt)

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> TaskState:
        return cls(
            day=_day(answer),
            task=answer["task_id"],
            run_id=answer["dag_run_id"],
            state=answer["state"],
            attempt=answer["try_number"],
            seconds=answer["duration"],
            map_index=answer["map_index"],
        )


@dataclass(frozen=True)
class HitlDetail:
    """What a task asks a person; `params` are the form's fields with their values so far."""

    dag_id: str
    run_id: str
    task: str
    map_index: int
    subject: str
    body: str
    options: tuple[str, ...]
    params: Mapping[str, Any]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> HitlDetail:
        instance = answer["task_instance"]
        return cls(
            dag_id=instance["dag_id"],
            run_id=instance["dag_run_id"],
            task=instance["task_id"],
            map_index=instance["map_index"],
            subject=answer["subject"],
            body=answer["body"] or "",
            options=tuple(answer["options"]),
            params={name: param["value"] for name, param in answer["params"].items()},
        )


@dataclass(frozen=True)
class Heartbeat:
    """Of a scheduler or a dag-processor: whether Airflow takes it for alive, its last beat."""

    is_healthy: bool
    last: datetime | None

    @classmethod
    def of(cls, name: str, answer: Mapping[str, Any]) -> Heartbeat:
        """`name` as Airflow's health has it: `scheduler`, `dag_processor`."""
        last = answer[name][f"latest_{name}_heartbeat"]
        return cls(
            answer[name]["status"] == "healthy", datetime.fromisoformat(last) if last else None
        )


def _day(answer: Mapping[str, Any]) -> date:
    return datetime.fromisoformat(answer["logical_date"] or answer["run_after"]).date()
