"""Which counts of fields are missing on days of the past, and whose business they are.

    day          examples   counts of `city`
    2026-01-01   without    -                  missing: to be counted in the day's traffic
    2026-01-02   none       -                  without examples: the pipeline never took the day
    2026-01-03   without    of these           counted
    2026-01-04   without    of earlier ones    missing: the day was ingested again since
    2026-01-05   with       -, or earlier      left to count-accesses, their one writer

A partition has one writer: `count-accesses` where the day's examples have the field, the backfill
where they have not. So a backfill and the daily jobs never write to the same place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import product

from shark_core.access.past_days import MARKERS_AT_A_TIME, PastDay, ingested_days, past_days
from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.lake import Lake, Marker, partition
from shark_core.schemas import ACCESS_COUNTS

Pair = tuple[date, str]  # a day, and the name of a field
Counts = Mapping[Pair, Marker | None]


@dataclass
class Survey:
    """What the days have of the fields, as the module's drawing names it."""

    missing: list[PastDay] = field(default_factory=list)
    counted: list[Pair] = field(default_factory=list)
    left: list[Pair] = field(default_factory=list)
    without_examples: list[date] = field(default_factory=list)


def survey(
    lake: Lake, config: PipelineConfig, fields: Sequence[Field], days: Sequence[date]
) -> Survey:
    """What there is of `fields`, all of them in `config`, on `days`, in order.

    Raises `DataError` for a field whose vocabulary does not exist yet.
    """
    ingested = ingested_days(lake, days)
    pairs = [(day.day, each.name) for day, each in product(ingested, fields)]
    with ThreadPoolExecutor(MARKERS_AT_A_TIME) as pool:
        counts = dict(zip(pairs, pool.map(partial(_counts, lake), pairs), strict=True))
    found = Survey(without_examples=sorted({*days} - {day.day for day in ingested}))
    for candidate in past_days(lake, config, [(day, fields) for day in ingested]):
        _sort_out(candidate, fields, counts, found)
    return found


def _counts(lake: Lake, pair: Pair) -> Marker | None:
    day, name = pair
    return lake.find_marker(partition(ACCESS_COUNTS, day, field=name))


def _sort_out(candidate: PastDay, fields: Sequence[Field], counts: Counts, found: Survey) -> None:
    """`candidate`: the day as if none of the fields that it lacks had been counted."""
    day, lacking = candidate.day, {each.name for each in candidate.fields}
    of_examples = {"examples": candidate.inputs["examples"]}  # what count-accesses notes
    missing: list[Field] = []
    for each in fields:
        is_lacking = each.name in lacking
        inputs = candidate.inputs_of(each) if is_lacking else of_examples
        if _is_current(counts[day, each.name], inputs, each):
            found.counted.append((day, each.name))
        elif is_lacking:
            missing.append(each)
        else:
            found.left.append((day, each.name))
    if missing:
        found.missing.append(replace(candidate, fields=tuple(missing)))


def _is_current(counts: Marker | None, inputs: Mapping[str, str], each: Field) -> bool:
    """Whether they are of the day's present examples, by rows that mean what they do now."""
    return (
        counts is not None
        and counts.inputs == inputs
        and counts.facts.get("row_assignment") == each.row_assignment
    )
