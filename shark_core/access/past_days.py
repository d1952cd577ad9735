"""Days of the past whose examples lack fields of the config.

    day          its examples have      what the config has beside that
    2026-01-01   user, ad               city: lacking, to be read in the day's traffic
    2026-01-02   user, ad, city         nothing

A field that has a vocabulary is read by that of the first day that was ingested with it, which may
have happened on a branch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial

import pyarrow as pa

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.lake import Lake, Marker, partition
from shark_core.schemas import EXAMPLES, field_column
from shark_core.traffic.vocabulary_store import (
    PastVocabulary,
    vocabulary_for_the_past,
    vocabulary_until,
)

MARKERS_AT_A_TIME = 16  # reading one from S3 is waiting

Vocabularies = Mapping[str, PastVocabulary]  # by the name of the field
Histories = Mapping[str, Mapping[date, Marker]]  # a field's vocabularies of the days, by its name


@dataclass(frozen=True)
class IngestedDay:
    """A day that has `examples`, with columns of `schema`."""

    day: date
    examples: Marker
    schema: pa.Schema

    def lacks(self, field: Field) -> bool:
        return field_column(field.name) not in self.schema.names


@dataclass(frozen=True)
class PastDay:
    """`fields` that a day's `examples` lack; these say which traffic they were made from.

    `absent`: all fields of the config that the examples lack, whoever asks: a record that is unfit
    for one of them counts for none, as if they had been ingested together. `inputs`: what the
    fields' rows of the day are made from; those of a field that has a vocabulary also from that.
    """

    day: date
    fields: tuple[Field, ...]
    absent: tuple[Field, ...]
    examples: Marker
    schema: pa.Schema  # of the examples
    inputs: Mapping[str, str]
    vocabularies: Vocabularies

    def inputs_of(self, field: Field) -> dict[str, str]:
        if field.name not in self.vocabularies:
            return {**self.inputs}
        return {**self.inputs, "vocabulary": self.vocabularies[field.name].fingerprint}

    @property
    def inputs_of_all(self) -> dict[str, str]:
        """Of all the fields together, named as `ingest` names them."""
        known = {f"vocabulary/{name}": each for name, each in self.vocabularies.items()}
        return {**self.inputs, **{name: each.fingerprint for name, each in known.items()}}


Wanted = tuple[IngestedDay, Sequence[Field]]


def ingested_days(lake: Lake, days: Sequence[date]) -> list[IngestedDay]:
    """Those of the days that have examples, in their order."""
    with ThreadPoolExecutor(MARKERS_AT_A_TIME) as pool:
        return [day for day in pool.map(partial(_ingested, lake), days) if day]


def _ingested(lake: Lake, day: date) -> IngestedDay | None:
    examples = lake.find_marker(partition(EXAMPLES, day))
    if examples is None:
        return None
    return IngestedDay(day, examples, lake.read_schema(examples.files[0].path))


def past_days(lake: Lake, config: PipelineConfig, wanted: Sequence[Wanted]) -> list[PastDay]:
    """Each day with those of its fields, all of them in `config`, that its examples lack.

    Raises `DataError` for one whose vocabulary does not exist yet.
    """
    lacking = [(day, [field for field in fields if day.lacks(field)]) for day, fields in wanted]
    histories = _histories(lake, lacking)
    return [_past_day(lake, config, histories, day, fields) for day, fields in lacking]


def _histories(lake: Lake, lacking: Sequence[Wanted]) -> Histories:
    """Of each field that has a vocabulary."""
    last: dict[str, date] = {}
    for day, fields in lacking:
        for field in fields:
            if field.encoding == "vocabulary":
                last[field.name] = max(last.get(field.name, day.day), day.day)
    with ThreadPoolExecutor(MARKERS_AT_A_TIME) as pool:
        found = pool.map(partial(vocabulary_until, lake), last.keys(), last.values())
        return dict(zip(last, found, strict=True))


def _past_day(
    lake: Lake,
    config: PipelineConfig,
    histories: Histories,
    day: IngestedDay,
    fields: Sequence[Field],
) -> PastDay:
    absent = tuple(field for field in config.fields if day.lacks(field))
    return PastDay(
        day=day.day,
        fields=tuple(fields),
        absent=absent,
        examples=day.examples,
        schema=day.schema,
        inputs={
            "examples": day.examples.fingerprint,
            "traffic": day.examples.inputs.get("traffic", ""),
            "judges": _judges(absent),
        },
        vocabularies={
            field.name: vocabulary_for_the_past(lake, field, histories[field.name], day.day)
            for field in fields
            if field.encoding == "vocabulary"
        },
    )


def _judges(absent: Sequence[Field]) -> str:
    """The fields for which a record may be unfit: what others judged is something else.

    A table that grows makes none of them another: ingested days keep their quarantine too.
    """
    return ", ".join(field.name for field in absent if field.encoding == "identity")
