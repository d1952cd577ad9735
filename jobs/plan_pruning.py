"""Decide which fields to prune: importance.json → plan.json."""

from __future__ import annotations

from typing import Any

from jobs.context import DayContext, JobResult
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.pruning.plan import FILE_NAME, PruningPlan
from shark_core.pruning.planning import plan_pruning as plan_fields
from shark_core.schemas import IMPORTANCE, PLAN


def plan_pruning(context: DayContext) -> JobResult:
    """A pure function of the importances and the config's limits."""
    config = context.config
    content = context.lake.read_file(context.partition(IMPORTANCE), IMPORTANCE_FILE)
    report = ImportanceReport.from_json(content)
    plan = plan_fields(config.fields, report.fields, config.pruning)
    facts = _facts(plan, config.float_bytes)
    inputs = {"importance": context.marker(IMPORTANCE).fingerprint}
    with context.writer(PLAN) as writer:
        writer.write_bytes(FILE_NAME, plan.to_json().encode())
        writer.commit(inputs, facts)
    reasons = {decision.field: decision.reason for decision in plan.decisions}
    headline = f"{len(plan.pruned)} of {len(plan.decisions)} fields to prune on {context.day}"
    return JobResult(headline, {**facts, "decisions": reasons})


def _facts(plan: PruningPlan, total_bytes: int) -> dict[str, Any]:
    return {
        "kept": len(plan.kept),
        "pruned": len(plan.pruned),
        "bytes": total_bytes,
        "kept_bytes": plan.kept_bytes,
        "predicted_loss": plan.predicted_loss,
    }
