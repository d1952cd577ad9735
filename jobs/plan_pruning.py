"""Decide which fields to prune, by importance and agreement: → plan.json, proposed for review."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs.context import DayContext, JobResult, check_same_baseline
from shark_core.errors import DataError
from shark_core.importance.agreement import FILE_NAME as AGREEMENT_FILE
from shark_core.importance.agreement import Agreement, warning_on
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.pruning.plan import FILE_NAME, PruningPlan
from shark_core.pruning.planning import plan_pruning as plan_fields
from shark_core.publish.lake_store import store_for
from shark_core.publish.plan_log import PlanLog
from shark_core.publish.plan_review import put_forward
from shark_core.schemas import AGREEMENT, IMPORTANCE, PLAN


def plan_pruning(context: DayContext) -> JobResult:
    """The plan is a pure function of the importances, their agreement and the config's limits.

    Raises `GateFailed`, before anything is proposed, where the scores are not to be trusted and
    `importance.validation.on_disagreement` is `stop`.
    """
    log = PlanLog(store_for(context.config), context.config.name)  # or raises: before any commit
    plan = _plan(context)
    facts = _facts(plan, context.config.float_bytes)
    inputs = {
        "importance": context.marker(IMPORTANCE).fingerprint,
        "agreement": context.marker(AGREEMENT).fingerprint,
    }
    with context.writer(PLAN) as writer:
        writer.write_bytes(FILE_NAME, plan.to_json().encode())
        writer.commit(inputs, facts)
    verdict, proposal = _propose(log, context, plan)
    reasons = {decision.field: decision.reason for decision in plan.decisions}
    headline = f"{len(plan.pruned)} of {len(plan.decisions)} fields to prune on {context.day}"
    return JobResult(f"{headline}; {verdict}", {**facts, **proposal, "decisions": reasons})


def _plan(context: DayContext) -> PruningPlan:
    check_same_baseline(context, IMPORTANCE, AGREEMENT)
    _check_agreement_is_of_the_scores(context)
    config, lake = context.config, context.lake
    report = ImportanceReport.from_json(
        lake.read_file(context.partition(IMPORTANCE), IMPORTANCE_FILE)
    )
    source = context.partition(AGREEMENT)
    agreement = Agreement.from_json(lake.read_file(source, AGREEMENT_FILE))
    where = lake.location(source.path)
    warning = warning_on(agreement, config.importance.validation, where)
    return plan_fields(config.fields, report.fields, config.pruning, [warning] if warning else [])


def _check_agreement_is_of_the_scores(context: DayContext) -> None:
    """An agreement of other scores would vouch for these."""
    importance = context.marker(IMPORTANCE).fingerprint
    found = context.marker(AGREEMENT).inputs.get("importance")
    if found != importance:
        raise DataError(
            "the agreement is of other importances than the day's",
            expected=f"importance {importance}",
            found=f"importance {found}",
            where=context.lake.location(context.partition(AGREEMENT).path),
            remedy="run `python -m jobs validate-importance` and what follows it for this day "
            "again",
        )


def _propose(log: PlanLog, context: DayContext, plan: PruningPlan) -> tuple[str, dict[str, str]]:
    """Put the plan up for review. The log is no dataset: its entries know when they were made.

    A branch proposes nothing: its plan is not of the model as it is served.
    """
    if context.branch:
        return "not proposed, as it is on a branch", {}
    by = context.signed("plan-pruning")
    approval = context.config.pruning.approval
    proposal = put_forward(log, plan, context.day, by, datetime.now(UTC), approval)
    if proposal.entry is None:
        return proposal.verdict, {}
    figures = {"plan": proposal.entry.plan_id, "status": str(proposal.entry)}
    if proposal.waits:
        plans = "python -m jobs plans {} --config FILE --plan " + proposal.entry.plan_id
        figures["look_at_it"] = plans.format("show")
        figures["approve_it"] = plans.format("approve")
    return proposal.verdict, figures


def _facts(plan: PruningPlan, total_bytes: int) -> dict[str, Any]:
    return {
        "kept": len(plan.kept),
        "pruned": len(plan.pruned),
        "bytes": total_bytes,
        "kept_bytes": plan.kept_bytes,
        "predicted_loss": plan.predicted_loss,
        "predicted_loss_high": plan.predicted_high,
        "warnings": list(plan.warnings),
    }
