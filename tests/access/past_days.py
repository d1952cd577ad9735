"""Lakes in which fields were there from the first day, and lakes in which they came later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.backfilling import Backfill
from jobs.context import DayContext
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from jobs.update_priorities import update_priorities
from shark_core.interval import Interval
from shark_core.lake import Marker
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES
from tests.traffic.day_lake import (
    DAY,
    LENIENT,
    context_of,
    document,
    next_day,
    records,
    table_of,
    with_values,
    write_traffic,
)

NEW = ("user", "ad", "site", "tags")  # identity, hash, vocabulary, list of hashed values
DAYS = [next_day(DAY, number) for number in range(5)]
BRANCH = "with-fields"
FIRST_WITH_FIELDS = 3  # DAYS[3] is the first day that was ingested with the new fields


def old_fields() -> list[dict[str, Any]]:
    return [field for field in document()["fields"] if field["name"] not in NEW]


def traffic(day: date, rows: int = 240) -> pa.Table:
    """With records that are refused for the label, and others for an id of a new field."""
    table = records(rows, day=day)
    table = with_values(table, "clicked", {5: None, 77: 9})
    return with_values(table, "user", {5: 51, 8: 50, 100: -1, 101: None})


@dataclass(frozen=True)
class PastDays:
    """A lake whose first days were ingested with `fields` only; all fields from then on."""

    lake: Path
    fields: Sequence[dict[str, Any]]

    def context(self, number: int) -> DayContext:
        """The day's context with the config of that day."""
        changes = {"fields": list(self.fields)} if number < FIRST_WITH_FIELDS else {}
        return context_of(self.lake, DAYS[number], **LENIENT, **changes)

    @property
    def present(self) -> DayContext:
        return self.context(len(DAYS) - 1)

    def with_only(self, number: int, *names: str) -> DayContext:
        """The day's context with these fields and no other."""
        fields = [field for field in document()["fields"] if field["name"] in names]
        return context_of(self.lake, DAYS[number], fields=fields, **LENIENT)

    def counts(self, number: int, field: str) -> pa.Table:
        return table_of(self.context(number), ACCESS_COUNTS, field=field)

    def counts_marker(self, number: int, field: str) -> Marker:
        return self.context(number).marker(ACCESS_COUNTS, field=field)

    def write_traffic(self) -> None:
        for day in DAYS:
            write_traffic(self.lake, traffic(day), day=day, row_group_size=70)

    def run_day(self, number: int) -> None:
        for job in (ingest, count_accesses, update_priorities):
            job(self.context(number))

    def backfill(self, *names: str, first: int = 0, end: int = FIRST_WITH_FIELDS) -> Backfill:
        config = context_of(self.lake, **LENIENT).config
        days = Interval.of_days(next_day(DAY, first), next_day(DAY, end))
        return Backfill(config, tuple(config.field(name) for name in names), days, "test")

    def completing(self, *names: str, first: int = 0, end: int = FIRST_WITH_FIELDS) -> Backfill:
        """A backfill of examples, on the branch."""
        return replace(self.backfill(*names, first=first, end=end), branch=BRANCH)

    def on_branch(self, number: int) -> DayContext:
        """The day's context with all fields, on the branch."""
        return replace(context_of(self.lake, DAYS[number], **LENIENT), branch=BRANCH)

    def examples(self, number: int) -> pa.Table:
        """Of the lake itself."""
        return table_of(self.context(number), EXAMPLES)

    def completed(self, number: int) -> pa.Table:
        """The day's examples as the branch reads them."""
        return table_of(self.on_branch(number), EXAMPLES)

    def completed_marker(self, number: int) -> Marker | None:
        """Of the examples that lie on the branch itself."""
        context = self.on_branch(number)
        return context.lake.find_own_marker(context.partition(EXAMPLES))


def files_of(lake: Path) -> dict[str, bytes]:
    """Every file of the lake itself, what is on its branches left out."""
    files = [path for path in sorted(lake.rglob("*")) if path.is_file()]
    names = {path: path.relative_to(lake) for path in files}
    return {
        str(names[path]): path.read_bytes() for path in files if "branches" not in names[path].parts
    }


def always(lake: Path) -> PastDays:
    return PastDays(lake, document()["fields"])


def came_later(lake: Path) -> PastDays:
    return PastDays(lake, old_fields())
