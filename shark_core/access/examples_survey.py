"""Which past days a branch has no examples of that have the fields, and which it need not have.

    day          in the lake   on the branch
    2026-01-01   without       -                      missing: to be completed from the traffic
    2026-01-02   none          -                      without examples
    2026-01-03   without       with, of these         made
    2026-01-04   without       with, of earlier ones  missing: the day was ingested again since
    2026-01-05   with          -                      complete: the branch reads the lake's
    2026-01-06   without       ingested there, with   complete: of its own

What a branch holds of a day is completed from the lake's examples each time, by the fields that are
asked for now and those that it was completed by before: it does not matter in how many runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from shark_core.access.completed_schema import Shortfall, completed_schema, shortfall
from shark_core.access.past_days import (
    MARKERS_AT_A_TIME,
    IngestedDay,
    PastDay,
    Wanted,
    ingested_days,
    past_days,
)
from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake, Marker, partition
from shark_core.schemas import EXAMPLES

BACKFILLED = "backfilled"  # fact of examples that were completed: how each field was read


@dataclass
class ExamplesSurvey:
    """What the branch has of the days, as the module's drawing names it.

    `short`: what the config reads and the days will not have, though they are completed.
    """

    missing: list[PastDay] = field(default_factory=list)
    made: list[date] = field(default_factory=list)
    complete: list[date] = field(default_factory=list)
    without_examples: list[date] = field(default_factory=list)
    short: dict[date, Shortfall] = field(default_factory=dict)


def reading_of(each: Field) -> str:
    """How a field's column becomes row ids. A table that grows is no other reading."""
    shape = "a list" if each.multi_valued else "one value"
    joined = "" if each.separator is None else f" joined by {each.separator!r}"
    return f"{shape}{joined} of column {each.column!r}, {each.row_assignment}"


def survey_examples(
    branch: Lake, config: PipelineConfig, fields: Sequence[Field], days: Sequence[date]
) -> ExamplesSurvey:
    """What there is of `fields`, all of them in `config`, on `days`, in order.

    Raises `DataError` for a field whose vocabulary does not exist yet, and for examples that were
    ingested on the branch without one of the fields.
    """
    with ThreadPoolExecutor(MARKERS_AT_A_TIME) as pool:
        markers = pool.map(partial(_own_examples, branch), days)
        own = {day: marker for day, marker in zip(days, markers, strict=True) if marker}
    ingested = [day for day in own if BACKFILLED not in own[day].facts]
    there = ingested_days(branch, ingested)
    _check_complete(branch, fields, there)
    others = ingested_days(Lake(branch.root), [day for day in days if day not in ingested])
    wanted = [_wanted(config, fields, own.get(day.day), day) for day in others]
    found = ExamplesSurvey(complete=ingested)
    for day in there:
        _note_short(found, config, day, ())
    for day, past in zip(others, past_days(branch, config, wanted), strict=True):
        _sort_out(past, own.get(past.day), found)
        _note_short(found, config, day, past.fields)
    with_examples = {day.day for day in (*there, *others)}
    found.without_examples = sorted({*days} - with_examples)
    return found


def _own_examples(branch: Lake, day: date) -> Marker | None:
    return branch.find_own_marker(partition(EXAMPLES, day))


def _wanted(
    config: PipelineConfig, fields: Sequence[Field], own: Marker | None, day: IngestedDay
) -> Wanted:
    names = {each.name for each in fields} | {*(own.facts[BACKFILLED] if own else ())}
    return day, [each for each in config.fields if each.name in names]


def _sort_out(past: PastDay, own: Marker | None, found: ExamplesSurvey) -> None:
    if own is None and not past.fields:
        found.complete.append(past.day)
    elif own is not None and _is_current(own, past):
        found.made.append(past.day)
    else:
        found.missing.append(past)


def _is_current(own: Marker, past: PastDay) -> bool:
    """Whether they were completed from what is there now, by the same fields, read as now."""
    readings = {each.name: reading_of(each) for each in past.fields}
    return own.inputs == past.inputs_of_all and own.facts[BACKFILLED] == readings


def _note_short(
    found: ExamplesSurvey, config: PipelineConfig, day: IngestedDay, added: Sequence[Field]
) -> None:
    assignments = day.examples.facts.get("row_assignments", {})
    short = shortfall(completed_schema(day.schema, config, added), config, assignments)
    if short.fields or short.others:
        found.short[day.day] = short


def _check_complete(branch: Lake, fields: Sequence[Field], there: Sequence[IngestedDay]) -> None:
    for day in there:
        if lacking := [each.name for each in fields if day.lacks(each)]:
            target = partition(EXAMPLES, day.day)
            raise DataError(
                f"the examples of {day.day} were ingested on the branch itself, without the fields",
                expected=f"examples that have {', '.join(lacking)}, or none on the branch",
                found="examples without",
                where=branch.location(branch.folder(target)),
                remedy="run `python -m jobs ingest --branch …` for this day again with the present "
                "config, or name another branch",
            )
