"""Put everything known of the day on one page: → report.html and report.json."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import islice

from jobs.context import DayContext, JobResult, log
from shark_core.errors import DataError
from shark_core.evaluation.result import FILE_NAME as EVALUATION_FILE
from shark_core.evaluation.result import Evaluation
from shark_core.importance.agreement import FILE_NAME as AGREEMENT_FILE
from shark_core.importance.agreement import Agreement
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.pruning.outcome import FILE_NAME as PRUNING_FILE
from shark_core.pruning.outcome import PruningOutcome
from shark_core.pruning.plan import FILE_NAME as PLAN_FILE
from shark_core.pruning.plan import PruningPlan
from shark_core.publish.lake_store import store_for
from shark_core.publish.plan_log import PlanLog
from shark_core.publish.plan_review import standing_decision
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.publish.written import Written
from shark_core.report.outcomes import bytes_of, field_outcomes, tier_mix
from shark_core.report.pruning_report import (
    MeasuredStep,
    PlanStanding,
    PruningReport,
)
from shark_core.report.run_report import Origin, Records, RunReport
from shark_core.report.stored import page_path, write_report
from shark_core.report.text import verdict
from shark_core.schemas import (
    AGREEMENT,
    COMPRESSED,
    EVALUATION,
    EXAMPLES,
    IMPORTANCE,
    PLAN,
    PRUNING,
    PUBLICATION,
    REPORT,
    ROW_TIERS,
    Dataset,
)
from shark_core.version import code_version

INPUTS = (
    *(EXAMPLES, IMPORTANCE, AGREEMENT, PLAN, PRUNING),
    *(ROW_TIERS, COMPRESSED, EVALUATION, PUBLICATION),
)
EARLIER_DAYS = 30  # whose predictions are shown beside this day's


def report(context: DayContext) -> JobResult:
    """Reads what the day's other jobs left; computes nothing of its own."""
    earlier = _earlier_days(context)
    found = _gather(context, earlier)
    past = {day.partition(PRUNING).path: day.marker(PRUNING).fingerprint for day in earlier}
    with context.writer(REPORT) as writer:
        write_report(writer, found)
        marker = writer.commit({**found.origin.inputs, **past})
    figures = {
        "bytes_before": found.embedding_bytes.before,
        "bytes_after": found.embedding_bytes.after,
        "compression_ratio": found.embedding_bytes.ratio,
        "fields_pruned": found.pruned,
        "snapshot": found.snapshot_id,
        "page": context.lake.location(page_path(marker)),
    }
    return JobResult(f"report of {context.day}: {verdict(found)}", figures)


def _gather(context: DayContext, earlier: list[DayContext]) -> RunReport:
    config = context.config
    importance = ImportanceReport.from_json(_read(context, IMPORTANCE, IMPORTANCE_FILE))
    plan = PruningPlan.from_json(_read(context, PLAN, PLAN_FILE))
    evaluation = Evaluation.from_json(_read(context, EVALUATION, EVALUATION_FILE))
    sizes = compressed_sizes(config, context.marker(COMPRESSED))
    return RunReport(
        model=config.name,
        day=str(context.day),
        snapshot_id=context.marker(PUBLICATION).facts["snapshot_id"],
        promotion=config.release.promotion,
        importance_method=importance.method,
        importance_examples=max(entry.examples for entry in importance.fields),
        embedding_bytes=bytes_of(sizes),
        fields=field_outcomes(config, plan, importance, _outcome(context), sizes),
        pruning=_pruning(context, plan, earlier),
        tiers=tier_mix(sizes),
        written=Written(**context.marker(PUBLICATION).facts["written"]),
        churn=context.marker(ROW_TIERS).facts["churn"],
        comparison=evaluation.comparison,
        slices=evaluation.slices,
        gates=evaluation.gates,
        records=Records.from_facts(context.marker(EXAMPLES).facts),
        origin=_origin(context),
    )


def _pruning(context: DayContext, plan: PruningPlan, earlier: list[DayContext]) -> PruningReport:
    """The plans as they stand now: this is the one part that may differ when it is run again."""
    plans, outcome = PlanLog(store_for(context.config), context.config.name), _outcome(context)
    own = standing_decision(plans, plan, context.day) if plan.pruned else None
    agreement = Agreement.from_json(_read(context, AGREEMENT, AGREEMENT_FILE))
    limit = context.config.importance.validation.min_spearman  # of today, as plan-pruning has it
    return PruningReport(
        carried_out=_standing(plans, outcome.plan_id),
        of_the_day=_standing(plans, own.plan_id)
        if own and own.plan_id != outcome.plan_id
        else None,
        warnings=plan.warnings,
        agreement=agreement.under(limit),
        steps=outcome.steps,
        checks=tuple(
            MeasuredStep.of(day, step)
            for day, outcome in (*_readable(earlier), (context.day, outcome))
            for step in outcome.accepted
        ),
    )


def _standing(plans: PlanLog, plan_id: str | None) -> PlanStanding | None:
    return PlanStanding.of(plans.history(plan_id)) if plan_id else None


def _earlier_days(context: DayContext) -> list[DayContext]:
    """The last days before this one that have a finished outcome, oldest first."""
    before = [day for day in context.lake.days(PRUNING) if day < context.day]
    newest_first = (replace(context, day=day) for day in reversed(before))
    finished = (day for day in newest_first if day.lake.find_marker(day.partition(PRUNING)))
    return list(islice(finished, EARLIER_DAYS))[::-1]


def _readable(days: Iterable[DayContext]) -> Iterator[tuple[date, PruningOutcome]]:
    """A day of the past that is damaged must not hold up today's report."""
    for day in days:
        try:
            yield day.day, _outcome(day)
        except DataError as error:
            log.warning("left out of the report, %s: %s", day.day, error)


def _outcome(context: DayContext) -> PruningOutcome:
    return PruningOutcome.from_json(_read(context, PRUNING, PRUNING_FILE))


def _read(context: DayContext, dataset: Dataset, name: str) -> bytes:
    return context.lake.read_file(context.partition(dataset), name)


def _origin(context: DayContext) -> Origin:
    inputs = {dataset.name: context.marker(dataset).fingerprint for dataset in INPUTS}
    return Origin(context.config.config_hash, code_version(), inputs)
