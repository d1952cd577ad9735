"""Put everything known of the day on one page: → report.html and report.json."""

from __future__ import annotations

from jobs.context import DayContext, JobResult
from shark_core.evaluation.result import FILE_NAME as EVALUATION_FILE
from shark_core.evaluation.result import Evaluation
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.pruning.plan import FILE_NAME as PLAN_FILE
from shark_core.pruning.plan import PruningPlan
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.report.outcomes import bytes_of, field_outcomes, tier_mix
from shark_core.report.run_report import Origin, Records, RunReport
from shark_core.report.stored import page_path, write_report
from shark_core.report.text import verdict
from shark_core.schemas import (
    COMPRESSED,
    EVALUATION,
    EXAMPLES,
    IMPORTANCE,
    PLAN,
    PUBLICATION,
    REPORT,
)
from shark_core.version import code_version

INPUTS = (EXAMPLES, IMPORTANCE, PLAN, COMPRESSED, EVALUATION, PUBLICATION)


def report(context: DayContext) -> JobResult:
    """Reads what the day's other jobs left; computes nothing of its own."""
    found = _gather(context)
    with context.writer(REPORT) as writer:
        write_report(writer, found)
        marker = writer.commit(found.origin.inputs)
    figures = {
        "bytes_before": found.embedding_bytes.before,
        "bytes_after": found.embedding_bytes.after,
        "compression_ratio": found.embedding_bytes.ratio,
        "fields_pruned": found.pruned,
        "snapshot": found.snapshot_id,
        "page": context.lake.location(page_path(marker)),
    }
    return JobResult(f"report of {context.day}: {verdict(found)}", figures)


def _gather(context: DayContext) -> RunReport:
    config, lake = context.config, context.lake
    importance = ImportanceReport.from_json(
        lake.read_file(context.partition(IMPORTANCE), IMPORTANCE_FILE)
    )
    plan = PruningPlan.from_json(lake.read_file(context.partition(PLAN), PLAN_FILE))
    evaluation = Evaluation.from_json(
        lake.read_file(context.partition(EVALUATION), EVALUATION_FILE)
    )
    sizes = compressed_sizes(config, context.marker(COMPRESSED))
    return RunReport(
        model=config.name,
        day=str(context.day),
        snapshot_id=context.marker(PUBLICATION).facts["snapshot_id"],
        promotion=config.release.promotion,
        importance_method=importance.method,
        importance_examples=max(entry.examples for entry in importance.fields),
        embedding_bytes=bytes_of(sizes),
        fields=field_outcomes(config, plan, importance, sizes),
        tiers=tier_mix(sizes),
        comparison=evaluation.comparison,
        gates=evaluation.gates,
        records=Records.from_facts(context.marker(EXAMPLES).facts),
        origin=_origin(context),
    )


def _origin(context: DayContext) -> Origin:
    inputs = {dataset.name: context.marker(dataset).fingerprint for dataset in INPUTS}
    return Origin(context.config.config_hash, code_version(), inputs)
