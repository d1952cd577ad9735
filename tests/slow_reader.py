"""A person who answers what a task asks, and takes the time to read it first."""

from __future__ import annotations

import time

SECONDS_TO_READ = 5


def read_request() -> None:
    """The worker that has asked must have ended: Airflow 3.3 takes the task for lost where an
    answer lets it run again before, and tries it once more.
    """
    time.sleep(SECONDS_TO_READ)
