"""Where the last reports are in the lake of a pipeline config."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from infra.airflow.settings import CHECKOUT
from infra.stack.pipeline_config import config_path
from shark_core.config import load_config
from shark_core.lake import Lake
from shark_core.lake_root import is_on_s3
from shark_core.schemas import REPORT

DAYS_SHOWN = 3


@dataclass(frozen=True)
class StoredReport:
    """A day's page, where a browser or an S3 client finds it."""

    day: date
    page: str


def last_reports(config: str, variables: Mapping[str, str]) -> tuple[StoredReport, ...]:
    """Newest first; `variables` are what jobs have in their environment. Raises `SharkError`."""
    os.environ.update(variables)
    lake = Lake(_seen_by_jobs(load_config(config_path(config)).lake))
    days = sorted(lake.days(REPORT), reverse=True)[:DAYS_SHOWN]
    if not days:
        return ()
    from shark_core.report.stored import report_page  # loads torch, which takes seconds

    pages = ((day, report_page(lake, day)) for day in days)
    return tuple(StoredReport(day, page) for day, page in pages if page)


def _seen_by_jobs(root: str) -> str:
    """They run in the checkout."""
    return root if is_on_s3(root) else str(CHECKOUT / root)
