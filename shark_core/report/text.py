"""The report as a short text for a terminal."""

from __future__ import annotations

from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.evaluation.slices import NEW_ROWS, RARE_ROWS, SliceComparison
from shark_core.publish.written import Written
from shark_core.report.numbers import count, percent, size
from shark_core.report.pruning_report import PruningReport
from shark_core.report.run_report import RunReport


def short_text(report: RunReport, location: str) -> str:
    """A title and aligned lines; `location` is where the page is.

    demo 2026-01-03: all gates passed
      embedding bytes   2.9 MB → 0.7 MB (4.11 × smaller)
      …
    """
    width = max(len(label) for label, _ in _lines(report, location))
    lines = [f"  {label:<{width}}  {value}" for label, value in _lines(report, location)]
    return "\n".join([f"{report.model} {report.day}: {verdict(report)}", *lines])


def verdict(report: RunReport) -> str:
    failed = ", ".join(gate.name for gate in report.failed_gates)
    return f"gate failed: {failed}" if failed else "all gates passed"


def _lines(report: RunReport, location: str) -> list[tuple[str, str]]:
    before, after = size(report.embedding_bytes.before), size(report.embedding_bytes.after)
    pruned = ", ".join(report.pruned) or "none"
    baseline, compressed = report.comparison.baseline, report.comparison.compressed
    auc = report.comparison.auc_difference
    log_loss = report.comparison.log_loss_difference
    return [
        ("embedding bytes", f"{before} → {after} ({report.embedding_bytes.ratio:.2f} × smaller)"),
        ("plan", _plans(report.pruning)),
        ("fields pruned", f"{len(report.pruned)} of {len(report.fields)}: {pruned}"),
        ("rows by tier", _tier_mix(report)),
        ("published", _written(report.written)),
        ("AUC", _change(baseline.auc, compressed.auc, auc)),
        ("log-loss", _change(baseline.log_loss, compressed.log_loss, log_loss)),
        *((f"ΔAUC, {found.name}", _slice_change(found)) for found in _row_slices(report)),
        ("snapshot", report.snapshot_id),
        ("report", location),
    ]


def _plans(pruning: PruningReport) -> str:
    """The plan that was carried out, and the day's own where that is another."""
    told = str(pruning.carried_out) if pruning.carried_out else "none in force"
    return f"{told}; {pruning.of_the_day}" if pruning.of_the_day else told


def _tier_mix(report: RunReport) -> str:
    rows = sum(tier.rows for tier in report.tiers)
    mix = [f"{tier.tier} {percent(tier.rows / rows)} ({count(tier.rows)})" for tier in report.tiers]
    moved = (
        "" if report.churn is None else f"; {percent(report.churn)} changed since the day before"
    )
    return ", ".join(mix) + moved


def _written(written: Written) -> str:
    if not written.tables_as_changes:
        return f"{size(written.bytes)}, every table whole"
    share = f"{written.tables_as_changes} of {written.tables} tables as changes"
    return f"{size(written.bytes)} of {size(written.bytes_whole)}: {share}"


def _change(before: float, after: float, difference: PairedDifference) -> str:
    return f"{before:.4f} baseline → {after:.4f} compressed (difference {difference})"


def _row_slices(report: RunReport) -> list[SliceComparison]:
    """Those of a chosen field's values are on the page."""
    return [found for found in report.slices if found.name in (NEW_ROWS, RARE_ROWS)]


def _slice_change(found: SliceComparison) -> str:
    return f"{found.auc_difference or 'not defined'} on {count(found.examples)} examples"
