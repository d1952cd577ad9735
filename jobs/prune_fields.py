"""Carry out the pruning plan in force, in steps that are each measured: → pruning.json."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs.context import DayContext, JobResult, check_same_baseline, examples_read, log
from shark_core.errors import ConflictError
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.partition_writer import RunStamp
from shark_core.pruning.loop import prune_in_steps
from shark_core.pruning.outcome import FILE_NAME, PruningOutcome
from shark_core.pruning.permitted import Permitted
from shark_core.pruning.progress import Progress
from shark_core.pruning.step_records import StepRecords
from shark_core.pruning.trials import ModelTrials, trial_settings
from shark_core.publish.lake_store import store_for
from shark_core.publish.plan_entry import PlanEntry
from shark_core.publish.plan_log import PlanLog
from shark_core.schemas import CHECKPOINT, IMPORTANCE, PRUNING
from shark_core.traffic.slices import training_slice
from shark_core.version import code_version


def prune_fields(context: DayContext) -> JobResult:
    """Without a plan in force nothing is pruned, and nothing is finetuned."""
    plans = PlanLog(store_for(context.config), context.config.name)
    plan = plans.in_force(context.day)
    if plan is None:
        return _without_plan(context, plans)
    outcome, inputs = _carry_out(context, plan)
    _check_still_in_force(context, plans, plan)
    facts = _facts(outcome)
    _commit(context, outcome, inputs, facts)
    _mark_applied(context, plans, plan, outcome)
    headline = f"pruned {len(outcome.pruned)} of the {len(plan.pruned)} fields that {plan.plan_id} "
    steps = {f"step {step.number:02}": str(step) for step in outcome.steps}
    figures = {**facts, "fields": list(outcome.pruned), "steps_taken": steps, "stay": outcome.kept}
    return JobResult(f"{headline}permits on {context.day}", figures)


def _check_still_in_force(context: DayContext, plans: PlanLog, plan: PlanEntry) -> None:
    """Steps take time, in which somebody may decide otherwise."""
    found = plans.in_force(context.day)
    if found is None or found.plan_id != plan.plan_id:
        raise ConflictError(
            "the plan was decided on anew while it was carried out; nothing is pruned by it",
            expected=f"plan {plan.plan_id} in force on {context.day}",
            found=f"plan {found.plan_id}" if found else "no plan in force",
            where=f"the plans of {context.config.name}",
            remedy="look at `python -m jobs plans list`, then run `prune-fields` again",
        )


def _without_plan(context: DayContext, plans: PlanLog) -> JobResult:
    outcome = PruningOutcome(plan_id=None, pruned=(), kept={}, steps=())
    facts = _facts(outcome)
    baseline = context.marker(CHECKPOINT, stage="baseline").fingerprint
    _commit(context, outcome, {"checkpoint": baseline}, facts)
    waiting = [
        entry.plan_id
        for entry in plans.plans()
        if entry.day <= context.day and entry.status == "proposed"
    ]
    headline = f"no plan is in force on {context.day}: nothing is pruned"
    if not waiting:
        return JobResult(headline, facts)
    approve = "python -m jobs plans approve --config FILE --plan " + waiting[0]
    figures = {**facts, "waiting": waiting, "approve_it": approve}
    return JobResult(f"{headline}; {', '.join(waiting)} waits for approval", figures)


def _carry_out(context: DayContext, plan: PlanEntry) -> tuple[PruningOutcome, dict[str, str]]:
    """The outcome, and the fingerprints of what it was made from, steps included."""
    config = context.config
    report = _importances(context)
    permitted = Permitted.of(plan.pruned, config.fields, config.pruning)
    for name, reason in permitted.kept.items():
        log.warning("%s permits field %r, which stays: %s", plan.plan_id, name, reason)
    stamp = RunStamp(config.config_hash, code_version())
    inputs = _inputs(context, plan)
    records = StepRecords(context.lake, context.day, stamp, inputs)
    trials = ModelTrials(context.lake, config, context.day, report.mean_embeddings)
    start = Progress.start(config.fields, config.pruning, permitted, report.fields)
    outcome = prune_in_steps(start, trials, records).outcome(plan.plan_id)
    return outcome, {**inputs, **records.fingerprints(outcome.steps)}


def _importances(context: DayContext) -> ImportanceReport:
    check_same_baseline(context, IMPORTANCE)
    source = context.partition(IMPORTANCE)
    return ImportanceReport.from_json(context.lake.read_file(source, IMPORTANCE_FILE))


def _inputs(context: DayContext, plan: PlanEntry) -> dict[str, str]:
    """The plan by its id, which follows from what it says: its status moves on."""
    return {
        **examples_read(context, training_slice(context.lake, context.config, context.day)),
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": context.marker(IMPORTANCE).fingerprint,
        "plan": plan.plan_id,
        "trial_settings": trial_settings(context.config),
    }


def _facts(outcome: PruningOutcome) -> dict[str, Any]:
    """The totals are of all that is pruned, in log-loss per example."""
    return {
        "plan_id": outcome.plan_id,
        "pruned": len(outcome.pruned),
        "steps": len(outcome.steps),
        "accepted": len(outcome.accepted),
        "undone": len(outcome.undone),
        "predicted_loss": outcome.predicted.mean,
        "predicted_loss_high": outcome.predicted.high,
        "measured_loss": outcome.measured.difference,
        "measured_loss_high": outcome.measured.high,
    }


def _commit(
    context: DayContext, outcome: PruningOutcome, inputs: dict[str, str], facts: dict[str, Any]
) -> None:
    with context.writer(PRUNING) as writer:
        writer.write_bytes(FILE_NAME, outcome.to_json().encode())
        writer.commit(inputs, facts)


def _mark_applied(
    context: DayContext, plans: PlanLog, plan: PlanEntry, outcome: PruningOutcome
) -> None:
    """The log is no dataset: its entries know when they were made."""
    if plan.status == "applied" or context.branch:
        return
    note = f"on {context.day}: {len(outcome.pruned)} of {len(plan.pruned)} fields pruned"
    plans.decide(plan.plan_id, "applied", context.signed("prune-fields"), datetime.now(UTC), note)
