"""A day on a small lake, scored, with a plan in force that permits chosen fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jobs.context import DayContext
from jobs.score_fields import score_fields
from jobs.train import train
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.pruning.outcome import FILE_NAME, PruningOutcome
from shark_core.pruning.plan import Decision, PruningPlan
from shark_core.publish.lake_store import store_for
from shark_core.publish.plan_entry import PlanEntry
from shark_core.publish.plan_log import PlanLog
from shark_core.schemas import IMPORTANCE, PRUNING, PRUNING_STEP
from tests.example_lake import DAY, tiny_config, tiny_lake

PERMITTED = ("user", "item", "tags")
LIMITS = {"max_predicted_loss": 9.0, "max_measured_loss": 0.012, "steps": 100_000}
TRAINING = {"batch_size": 256, "embedding_learning_rate": 0.1}
MakeDay = Callable[..., DayContext]
NOW = datetime(2026, 1, 3, 4, 5, tzinfo=UTC)


def scored_day(root: Path, **limits: Any) -> DayContext:
    config = tiny_config(root, pruning={**LIMITS, **limits}, training=TRAINING)
    context = DayContext(config, DAY, "test")
    tiny_lake(config, DAY, rows=6000)
    for job in (train, score_fields):
        job(context)
    return context


def plan_log(context: DayContext) -> PlanLog:
    return PlanLog(store_for(context.config), context.config.name)


def propose(
    context: DayContext, permitted: Sequence[str] = PERMITTED, day: date = DAY
) -> PlanEntry:
    decisions = [
        Decision(name, "prune", "a test", 80, 0.0, low=0.0, high=0.0) for name in permitted
    ]
    return plan_log(context).propose(PruningPlan(tuple(decisions)), day, "a test", NOW)


def approve(
    context: DayContext, permitted: Sequence[str] = PERMITTED, day: date = DAY
) -> PlanEntry:
    proposed = propose(context, permitted, day)
    return plan_log(context).decide(proposed.plan_id, "approved", "ann", NOW)


def outcome_of(context: DayContext) -> PruningOutcome:
    content = context.lake.read_file(context.partition(PRUNING), FILE_NAME)
    return PruningOutcome.from_json(content)


def means_of(context: DayContext) -> dict[str, tuple[float, ...]]:
    content = context.lake.read_file(context.partition(IMPORTANCE), IMPORTANCE_FILE)
    return ImportanceReport.from_json(content).mean_embeddings


def fail(*_: object) -> None:
    raise AssertionError("a model was finetuned")


def steps_on_lake(context: DayContext) -> list[str]:
    folder = Path(context.lake.absolute(f"{PRUNING_STEP.name}/ds={context.day}"))
    return sorted(path.parent.name for path in folder.glob("*/_marker.json"))
