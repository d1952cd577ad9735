"""What the two backfills share: what they are asked for, and what they say before they begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any

from jobs.context import DayContext, log, some_of
from shark_core.access.past_days import MARKERS_AT_A_TIME, PastDay
from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import DataError, RetryableError
from shark_core.interval import Interval
from shark_core.lake import Lake, partition
from shark_core.schemas import EXAMPLES
from shark_core.traffic.traffic_files import traffic_bytes


@dataclass(frozen=True)
class Backfill:
    """`fields` on the days of `interval`, a half-open interval of whole days."""

    config: PipelineConfig
    fields: tuple[Field, ...]
    interval: Interval
    run_id: str = ""
    branch: str = ""

    @property
    def lake(self) -> Lake:
        """Where the days' traffic is, and the examples that were ingested from it."""
        return Lake(self.config.lake)

    def context(self, day: date) -> DayContext:
        return DayContext(self.config, day, self.run_id, self.branch)


def say_without_examples(backfill: Backfill, days: Sequence[date]) -> None:
    """Days that are left out are said, and all of them left out is an error."""
    if len(days) == len(backfill.interval.days):
        raise DataError(
            "none of the days has examples",
            expected=f"days in {backfill.interval} that were ingested",
            found="none",
            where=backfill.lake.location(EXAMPLES.name),
            remedy="check --start and --end; run `python -m jobs ingest` for days that are missing",
        )
    if days:
        log.warning("left out, no examples: %s", some_of(days))


def work_ahead(backfill: Backfill, missing: Sequence[PastDay]) -> dict[str, Any]:
    """What is missing, for people; then for who plans it: the days, each of which can be run for
    itself, how many records they hold, and how many bytes of traffic are read.
    """
    days = [past.day for past in missing]
    with ThreadPoolExecutor(MARKERS_AT_A_TIME) as pool:
        sizes = pool.map(partial(traffic_bytes, backfill.lake), days)
    return {
        "missing": by_days({past.day: [each.name for each in past.fields] for past in missing}),
        "missing_days": [str(day) for day in days],
        "records": sum(past.examples.facts["records"] for past in missing),
        "traffic_bytes": sum(sizes),
    }


def by_days(names: dict[date, Sequence[str]]) -> dict[str, str]:
    """By days in a row that have the same names: `{"2026-01-01 to 2026-01-02 (2 days)": "user"}`"""
    runs = groupby(names.items(), key=lambda each: [*each[1]])
    return {_days([day for day, _ in run]): some_of(same) or "nothing new" for same, run in runs}


def _days(days: Sequence[date]) -> str:
    first, last = days[0], days[-1]
    return str(first) if len(days) == 1 else f"{first} to {last} ({len(days)} days)"


@contextmanager
def of_the_same_examples(lake: Lake, past: PastDay) -> Iterator[None]:
    """Raises `RetryableError` where the day was ingested again since it was surveyed.

    What looks wrong of the examples that were may be right of those that are.
    """
    try:
        yield
    except DataError as error:
        _check_examples(lake, past, error)
        raise
    _check_examples(lake, past)


def _check_examples(lake: Lake, past: PastDay, cause: DataError | None = None) -> None:
    target = partition(EXAMPLES, past.day)
    present = lake.find_marker(target)
    if present is None or present.fingerprint != past.inputs["examples"]:
        raise RetryableError(
            "the day was ingested again while its traffic was read; what was made of it is dropped",
            expected=f"examples {past.inputs['examples']}",
            found="none" if present is None else f"examples {present.fingerprint}",
            where=lake.location(target.path),
            remedy="run the command again: it makes what is missing then",
        ) from cause
