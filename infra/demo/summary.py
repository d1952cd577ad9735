"""What the days came to: a line for each, and the report of the last as text."""

from __future__ import annotations

from datetime import date

from infra.demo.plan import DemoPlan
from shark_core.config import load_config
from shark_core.lake import Lake
from shark_core.report.numbers import size
from shark_core.report.run_report import RunReport
from shark_core.report.stored import read_report, stored_text


def summary(plan: DemoPlan) -> str:
    """Read from the lake, as anybody would; raises `DataError` where a day has no report."""
    lake = Lake(load_config(plan.config).lake)
    lines = [_line(day, read_report(lake, day)) for day in plan.each_day]
    return "\n".join(["", *lines, "", stored_text(lake, plan.last_day), ""])


def _line(day: date, report: RunReport) -> str:
    """`2026-01-01  2.9 MB → 0.7 MB   4.11 ×  AUC 0.7301 → 0.7300  snapshot 1f0c…`"""
    tables = report.embedding_bytes
    auc = report.comparison
    return (
        f"{day}  {size(tables.before):>8} → {size(tables.after):>8} {tables.ratio:6.2f} ×"
        f"  AUC {auc.baseline.auc:.4f} → {auc.compressed.auc:.4f}  snapshot {report.snapshot_id}"
    )
