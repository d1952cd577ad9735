"""A day's report in the lake: report.html, report.json."""

from __future__ import annotations

from datetime import date

from shark_core.lake import Lake, Marker, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.report.html import render_html
from shark_core.report.run_report import RunReport
from shark_core.report.text import short_text
from shark_core.schemas import REPORT

PAGE, DOCUMENT = "report.html", "report.json"


def write_report(writer: PartitionWriter, report: RunReport) -> None:
    """Write both files; the caller commits."""
    writer.write_bytes(PAGE, render_html(report).encode())
    writer.write_bytes(DOCUMENT, report.to_json().encode())


def read_report(lake: Lake, day: date) -> RunReport:
    """Raises `DataError` where the day has no report."""
    return RunReport.from_json(lake.read_file(partition(REPORT, day), DOCUMENT))


def stored_text(lake: Lake, day: date) -> str:
    """The day's report as short text, with the place of its page. Raises as `read_report` does."""
    marker = lake.marker(partition(REPORT, day))
    return short_text(read_report(lake, day), lake.location(page_path(marker)))


def report_page(lake: Lake, day: date) -> str | None:
    """Where the day's page is, as a reader outside the lake finds it; None where there is none."""
    marker = lake.find_marker(partition(REPORT, day))
    return lake.location(page_path(marker)) if marker else None


def page_path(marker: Marker) -> str:
    """Where the page that counts is, relative to the lake."""
    return next(entry.path for entry in marker.files if entry.path.endswith(".html"))
