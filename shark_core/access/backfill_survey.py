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

import pyarrow.parquet as pq

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.lake import Lake, Marker, partition
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, field_column
from shark_core.traffic.vocabulary_store import (
    PastVocabulary,
    vocabulary_for_the_past,
    vocabulary_until,
)

MARKERS_AT_A_TIME = 16  # reading one from S3 is waiting

Vocabularies = Mapping[str, PastVocabulary]  # by the name of the field


@dataclass(frozen=True)
class MissingCounts:
    """`fields` to be counted on a day, whose `examples` say which traffic they were made from.

    `absent`: all fields of the config that the examples lack, whoever asks: a record that is unfit
    for one of them counts for none, as if they had been ingested together. `inputs`: what counts of
    the day are made from; those of a field that has a vocabulary also from that.
    """

    day: date
    fields: tuple[Field, ...]
    absent: tuple[Field, ...]
    examples: Marker
    inputs: Mapping[str, str]
    vocabularies: Vocabularies

    def inputs_of(self, each: Field) -> dict[str, str]:
        if each.name not in self.vocabularies:
            return {**self.inputs}
        return {**self.inputs, "vocabulary": self.vocabularies[each.name].fingerprint}


@dataclass
class Survey:
    """What the days have of the fields, as the module's drawing names it."""

    missing: list[MissingCounts] = field(default_factory=list)
    counted: list[tuple[date, str]] = field(default_factory=list)
    left: list[tuple[date, str]] = field(default_factory=list)
    without_examples: list[date] = field(default_factory=list)


@dataclass(frozen=True)
class _Day:
    day: date
    examples: Marker
    columns: frozenset[str]

    def lacks(self, each: Field) -> bool:
        return field_column(each.name) not in self.columns


def survey(
    lake: Lake, config: PipelineConfig, fields: Sequence[Field], days: Sequence[date]
) -> Survey:
    """What there is of `fields`, all of them in `config`, on `days`, in order.

    Raises `DataError` for a field whose vocabulary does not exist yet.
    """
    with ThreadPoolExecutor(MARKERS_AT_A_TIME) as pool:
        ingested = [day for day in pool.map(partial(_ingested, lake), days) if day]
        histories = _histories(pool, lake, fields, ingested)
        pairs = list(product(ingested, fields))
        markers = pool.map(partial(_counts, lake), pairs)
        counts = dict(zip(((day.day, each.name) for day, each in pairs), markers, strict=True))
    found = Survey(without_examples=sorted({*days} - {day.day for day in ingested}))
    for day in ingested:
        candidate = _candidate(lake, config, fields, histories, day)
        _sort_out(candidate, fields, counts, found)
    return found


def _ingested(lake: Lake, day: date) -> _Day | None:
    examples = lake.find_marker(partition(EXAMPLES, day))
    if examples is None:
        return None
    path = examples.files[0].path
    with lake.reading(path):
        columns = pq.read_schema(lake.absolute(path), filesystem=lake.filesystem).names
    return _Day(day, examples, frozenset(columns))


def _histories(
    pool: ThreadPoolExecutor, lake: Lake, fields: Sequence[Field], days: Sequence[_Day]
) -> dict[str, Mapping[date, Marker]]:
    """By the name of each field that has a vocabulary and that a day lacks: its vocabularies."""
    last = {
        each.name: day.day
        for each, day in product(fields, days)
        if each.encoding == "vocabulary" and day.lacks(each)
    }
    found = pool.map(partial(vocabulary_until, lake), last.keys(), last.values())
    return dict(zip(last, found, strict=True))


def _candidate(
    lake: Lake,
    config: PipelineConfig,
    fields: Sequence[Field],
    histories: Mapping[str, Mapping[date, Marker]],
    day: _Day,
) -> MissingCounts:
    """As if none of the fields that the day lacks had been counted."""
    lacking = tuple(each for each in fields if day.lacks(each))
    absent = tuple(each for each in config.fields if day.lacks(each))
    return MissingCounts(
        day=day.day,
        fields=lacking,
        absent=absent,
        examples=day.examples,
        inputs={
            "examples": day.examples.fingerprint,
            "traffic": day.examples.inputs.get("traffic", ""),
            "judges": _judges(absent),
        },
        vocabularies={
            each.name: vocabulary_for_the_past(lake, each, histories[each.name], day.day)
            for each in lacking
            if each.encoding == "vocabulary"
        },
    )


def _judges(absent: Sequence[Field]) -> str:
    """The fields for which a record may be unfit: counts of other judges are other counts.

    A table that grows makes none of them another: ingested days keep their quarantine too.
    """
    return ", ".join(each.name for each in absent if each.encoding == "identity")


def _counts(lake: Lake, pair: tuple[_Day, Field]) -> Marker | None:
    day, each = pair
    return lake.find_marker(partition(ACCESS_COUNTS, day.day, field=each.name))


def _sort_out(
    candidate: MissingCounts,
    fields: Sequence[Field],
    counts: Mapping[tuple[date, str], Marker | None],
    found: Survey,
) -> None:
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
