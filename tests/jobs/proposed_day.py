"""Days whose scores are written by hand, so that tests choose what is proposed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jobs.context import DayContext
from shark_core.config import PipelineConfig
from shark_core.importance.agreement import FILE_NAME as AGREEMENT_FILE
from shark_core.importance.agreement import Agreement, WayOfScoring
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import FieldImportance, ImportanceReport
from shark_core.publish.lake_store import store_for
from shark_core.publish.plan_log import PlanLog
from shark_core.schemas import AGREEMENT, CHECKPOINT, IMPORTANCE
from tests.example_lake import DAY, tiny_config
from tests.jobs.compressed_day import run_command

SCORES = {"user": 0.0001, "item": 0.5, "tags": 0.002}  # prunes user, and no other
TAGS_TOO = {**SCORES, "tags": 0.0002}  # prunes user and tags
LIMITS = {"max_predicted_loss": 0.001}
AGREES = {"user": 1.0, "item": 3.0, "tags": 2.0}  # in the order of `SCORES`
DISAGREES = {"user": 3.0, "item": 1.0, "tags": 2.0}
NOW = datetime(2026, 1, 4, tzinfo=UTC)


def scored_by_hand(
    root: Path,
    day: date = DAY,
    scores: dict[str, float] = SCORES,
    run_id: str = "nightly-7",
    **limits: Any,
) -> DayContext:
    """`limits` go to the config's section `pruning`."""
    context = DayContext(tiny_config(root, pruning={**LIMITS, **limits}), day, run_id)
    with context.writer(CHECKPOINT, stage="baseline") as writer:
        writer.commit({})
    write_scores(context, scores)
    write_agreement(context, AGREES)
    return context


def write_scores(
    context: DayContext, scores: dict[str, float] = SCORES, method: str = "logit_taylor"
) -> None:
    fields = tuple(FieldImportance(name, score, 1e-5, 500) for name, score in scores.items())
    report = ImportanceReport(method, fields, dict.fromkeys(scores, (0.0,)))
    with context.writer(IMPORTANCE) as writer:
        writer.write_bytes(IMPORTANCE_FILE, report.to_json().encode())
        writer.commit({"checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint})


def write_agreement(context: DayContext, true_losses: dict[str, float]) -> None:
    """Of `SCORES` with these, whatever the day's scores are: only the order counts."""
    agreement = Agreement.of(
        SCORES,
        true_losses,
        examples=500,
        top_k=2,
        min_spearman=0.9,
        scoring=WayOfScoring("logit_taylor", "mean", "fp32"),
    )
    checkpoint = context.marker(CHECKPOINT, stage="baseline").fingerprint
    importance = context.marker(IMPORTANCE).fingerprint
    with context.writer(AGREEMENT) as writer:
        writer.write_bytes(AGREEMENT_FILE, agreement.to_json().encode())
        writer.commit({"checkpoint": checkpoint, "importance": importance})


def with_checks(context: DayContext, **validation: Any) -> DayContext:
    """Under other keys of the config's section `importance.validation`."""
    config = context.config.model_dump(mode="json")
    config["importance"]["validation"] |= validation
    return replace(context, config=PipelineConfig.model_validate(config))


def plans_of(context: DayContext) -> PlanLog:
    return PlanLog(store_for(context.config), context.config.name)


def statuses(context: DayContext) -> list[tuple[str, str, tuple[str, ...]]]:
    """Of all plans, newest first: day, status, fields."""
    return [(str(plan.day), plan.status, plan.pruned) for plan in plans_of(context).plans()]


def decide(root: Path, *decisions: str, number: int = 0) -> str:
    """A person decides on a plan, the newest one unless `number` counts further back."""
    log = plans_of(scored_by_hand(root))
    plan_id = list(log.plans())[number].plan_id
    for decision in decisions:
        log.decide(plan_id, decision, "ann", NOW, "a reason")
    return plan_id


def plan_ids(context: DayContext) -> list[str]:
    return [plan.plan_id for plan in plans_of(context).plans()]


def run_plans(context: DayContext, *arguments: str) -> dict[str, Any]:
    return run_command(context, "plans", *arguments)
