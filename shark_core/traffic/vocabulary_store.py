"""Vocabularies in the lake: one partition a day and field with what that day admitted.

The vocabulary of a day is the union of the partitions up to it; values that are counted but not
admitted yet lie in `pending_values`, whose partition holds all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import pyarrow as pa

from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake, Marker, partition
from shark_core.schemas import PENDING_VALUES, VOCABULARY, VOCABULARY_SCHEMA
from shark_core.traffic.encoding import FieldEncoder
from shark_core.traffic.vocabulary import Vocabulary

Paths = tuple[str, ...]


@dataclass(frozen=True)
class VocabularyState:
    """What other days say when `day` is ingested. `recorded`: what the day itself admitted before.

    `settled`: a later day builds on this one, so that it must admit the same again.
    """

    day: date
    known: Paths
    pending: Paths
    recorded: Paths
    settled: bool


def vocabulary_state(lake: Lake, field_name: str, day: date) -> VocabularyState:
    """Raises `DataError` where the newest earlier day has no pending values beside it."""
    markers = _markers(lake, field_name)
    earlier = [at for at in markers if at < day]
    pending: Paths = ()
    if earlier:
        pending = _paths(lake.marker(partition(PENDING_VALUES, earlier[-1], field=field_name)))
    return VocabularyState(
        day=day,
        known=tuple(path for at in earlier for path in _paths(markers[at])),
        pending=pending,
        recorded=_paths(markers[day]) if day in markers else (),
        settled=any(at > day for at in markers),
    )


def _markers(lake: Lake, field_name: str) -> dict[date, Marker]:
    return dict(_found(lake, field_name))


def _found(lake: Lake, field_name: str) -> Iterator[tuple[date, Marker]]:
    """Finished vocabulary partitions of a field, in the order of days."""
    for day in lake.days(VOCABULARY):
        marker = lake.find_marker(partition(VOCABULARY, day, field=field_name))
        if marker is not None:
            yield day, marker


def _paths(marker: Marker) -> Paths:
    return tuple(entry.path for entry in marker.files)


def check_unchanged(lake: Lake, field: Field, state: VocabularyState, admitted: pa.Table) -> None:
    """Raises `DataError` where a day with later days behind it would admit anything else now."""
    recorded = pa.concat_tables(
        [VOCABULARY_SCHEMA.empty_table(), *(lake.read_parquet(path) for path in state.recorded)]
    )
    if not state.settled or (state.recorded and recorded.equals(admitted)):
        return
    raise DataError(
        f"the vocabulary of field {field.name!r} would change on a day that later days build on",
        expected=f"the {recorded.num_rows} values that the day admitted, in the same rows",
        found=f"{admitted.num_rows} values",
        where=lake.location(partition(VOCABULARY, state.day, field=field.name).path),
        remedy="remove the later days' partitions of vocabulary, pending_values and examples, "
        "then ingest this day and them again, in order",
    )


def check_fits(field: Field, vocabulary: Vocabulary) -> None:
    """Raises `DataError` where the table is smaller than the rows given away already."""
    if len(vocabulary) >= field.num_embeddings:
        raise DataError(
            f"the vocabulary of field {field.name!r} is larger than its table",
            expected=f"at most {field.num_embeddings - 1} values (num_embeddings - 1)",
            found=f"{len(vocabulary)} values",
            where=f"config key fields.{field.name}.num_embeddings",
            remedy="raise num_embeddings; rows that were given away cannot be taken back",
        )


@lru_cache(maxsize=1024)
def load_vocabulary(lake: Lake, paths: Paths) -> Vocabulary:
    """From files whose names are never used twice, so that they can be kept in memory."""
    return Vocabulary.of([lake.read_parquet(path) for path in paths])


@dataclass(frozen=True)
class PastVocabulary:
    """The vocabulary by which a day is read that was ingested without the field."""

    paths: Paths
    fingerprint: str


def vocabulary_until(lake: Lake, field_name: str, day: date) -> dict[date, Marker]:
    """Finished vocabulary partitions of a field up to the first of `day` or later."""
    found: dict[date, Marker] = {}
    for at, marker in _found(lake, field_name):
        found[at] = marker
        if at >= day:
            break
    return found


def vocabulary_for_the_past(
    lake: Lake, field: Field, markers: Mapping[date, Marker], day: date
) -> PastVocabulary:
    """From the `vocabulary_until` this day or a later one.

    It is the first that a later day has, so that values have the rows that they were given there;
    for a field that has been given up, its last. Raises `DataError` where there is none.
    """
    if not markers:
        raise DataError(
            f"field {field.name!r} has no vocabulary yet",
            expected="a day that was ingested with the field: it gives its values their rows",
            found="none",
            where=lake.location(VOCABULARY.name),
            remedy="run `python -m jobs ingest` for the first day of the field, then this again",
        )
    last = next((at for at in markers if at >= day), max(markers))
    used = [marker for at, marker in markers.items() if at <= last]
    content = "\n".join(marker.fingerprint for marker in used)
    return PastVocabulary(
        paths=tuple(path for marker in used for path in _paths(marker)),
        fingerprint=hashlib.sha256(content.encode()).hexdigest()[:16],
    )


def encoder_with(lake: Lake, field: Field, vocabularies: Mapping[str, Paths]) -> FieldEncoder:
    """`vocabularies`: the files of each field that has one, by its name."""
    if field.encoding != "vocabulary":
        return FieldEncoder(field)
    return FieldEncoder(field, load_vocabulary(lake, vocabularies[field.name]))


def field_encoder(lake: Lake, field: Field, day: date) -> FieldEncoder:
    """The encoder that `ingest` used on `day`, for serving what was trained on it."""
    if field.encoding != "vocabulary":
        return FieldEncoder(field)
    paths = [
        path
        for at, marker in _markers(lake, field.name).items()
        if at <= day
        for path in _paths(marker)
    ]
    return FieldEncoder(field, load_vocabulary(lake, tuple(paths)))
