"""The demo's own failures, beside those of its Airflow."""

from __future__ import annotations

from infra.airflow.failure import Failure


class DemoFailed(Failure):
    """What was asked for cannot be run, or a task or a day has failed."""
