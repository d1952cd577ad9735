"""The report as one self-contained page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shark_core.report import numbers
from shark_core.report.run_report import RunReport
from shark_core.report.scatter import scatter
from shark_core.report.text import verdict

TEMPLATES = Path(__file__).parent / "templates"


def render_html(report: RunReport) -> str:
    """The same report gives the same page. Every value is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        size=numbers.size,
        count=numbers.count,
        percent=numbers.percent,
        significant=numbers.significant,
    )
    by_importance = sorted(report.fields, key=lambda field: (-field.importance, field.field))
    return environment.get_template("report.html").render(
        report=report,
        verdict=verdict(report),
        fields=by_importance,
        widest=max((abs(field.importance) for field in report.fields), default=0.0) or 1.0,
        rows=sum(tier.rows for tier in report.tiers) or 1,
        scatter=scatter(report.pruning.checks) if report.pruning.checks else None,
        quarantined=sum(report.records.quarantined.values()),
    )
