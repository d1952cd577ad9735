"""Which counts of fields are missing on days of the past, and whose business they are.

    day          examples   counts of `city`
    2026-01-01   without    -                  missing: to be counted in the day's traffic
    2026-01-02   none       -                  without examples: the pipeline never took the day
    2026-01-03   without    finished           counted
    2026-01-04   with       -                  left to count-accesses, their one writer

A partition has one writer: `count-accesses` where the day's examples have the field, the backfill
where they have not. So a backfill and the daily jobs never write to the same place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow.parquet as pq

from shark_core.config_sections import Field
from shark_core.lake import Lake, Marker, partition
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, field_column


@dataclass(frozen=True)
class MissingCounts:
    """`fields` to be counted on a day, whose `examples` say which traffic they were made from.

    `absent`: all fields asked for that the examples lack, counted before or not. A record that is
    unfit for one of them counts for none, as if they had been ingested together.
    """

    day: date
    fields: tuple[Field, ...]
    absent: tuple[Field, ...]
    examples: Marker


@dataclass
class Survey:
    """What the days have of the fields, as the module's drawing names it."""

    missing: list[MissingCounts] = field(default_factory=list)
    counted: list[tuple[date, str]] = field(default_factory=list)
    left: list[tuple[date, str]] = field(default_factory=list)
    without_examples: list[date] = field(default_factory=list)


def survey(lake: Lake, fields: Sequence[Field], days: Iterable[date]) -> Survey:
    found = Survey()
    for day in days:
        examples = lake.find_marker(partition(EXAMPLES, day))
        if examples is None:
            found.without_examples.append(day)
        else:
            _survey_day(lake, fields, day, examples, found)
    return found


def _survey_day(
    lake: Lake, fields: Sequence[Field], day: date, examples: Marker, found: Survey
) -> None:
    columns = _columns(lake, examples)
    absent = tuple(each for each in fields if field_column(each.name) not in columns)
    counted = {each for each in fields if _is_counted(lake, each, day)}
    missing = tuple(each for each in absent if each not in counted)
    found.counted += [(day, each.name) for each in fields if each in counted]
    found.left += [
        (day, each.name) for each in fields if each not in absent and each not in counted
    ]
    if missing:
        found.missing.append(MissingCounts(day, missing, absent, examples))


def _is_counted(lake: Lake, each: Field, day: date) -> bool:
    return lake.find_marker(partition(ACCESS_COUNTS, day, field=each.name)) is not None


def _columns(lake: Lake, examples: Marker) -> list[str]:
    path = examples.files[0].path
    with lake.reading(path):
        return pq.read_schema(lake.absolute(path), filesystem=lake.filesystem).names
