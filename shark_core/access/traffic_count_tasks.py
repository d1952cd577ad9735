"""Spark tasks that count fields in traffic, for days whose examples were made without them.

    traffic ─ without what the day refused ─→ values of the field ─ count ─ encode ─→ counts by row

What counts is what would have, had the day been ingested with these fields: the records that became
examples, but for those in which one of the fields holds no row of its table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shark_core.access.count_files import FieldCounts, FieldOutput, write_counts
from shark_core.access.counts import add_counts
from shark_core.access.value_counts import Valued, by_row, count_values
from shark_core.config_sections import Field
from shark_core.lake import Lake
from shark_core.traffic.columns import field_values, plain
from shark_core.traffic.encoding import FieldEncoder
from shark_core.traffic.numbers import as_floats
from shark_core.traffic.traffic_files import Split, read_split
from shark_core.traffic.validation import refused_for_fields
from shark_core.traffic.vocabulary_store import Paths, load_vocabulary


@dataclass(frozen=True, eq=False)
class TrafficDay:
    """What every task of a day needs.

    `fields`: a record counts if it holds rows of them all; `vocabularies`: the files of each that
    has one; `refused`: by traffic file, the positions of quarantined records.
    """

    lake: Lake
    label_column: str
    fields: tuple[Field, ...]
    vocabularies: Mapping[str, Paths]
    refused: Mapping[str, np.ndarray]

    def encoder(self, field: Field) -> FieldEncoder:
        if field.encoding != "vocabulary":
            return FieldEncoder(field)
        return FieldEncoder(field, load_vocabulary(self.lake, self.vocabularies[field.name]))


@dataclass(frozen=True)
class TrafficCountTask:
    """Count `outputs` in splits of a day's traffic."""

    day: TrafficDay
    outputs: tuple[FieldOutput, ...]
    splits: tuple[Split, ...]
    number: int
    alone: bool


@dataclass
class SeenRecords:
    """Records that the day took as examples, and how many of them are `unfit` for the fields."""

    examples: int = 0
    positives: int = 0
    unfit: int = 0


@dataclass(frozen=True)
class TrafficCounts:
    counts: FieldCounts
    seen: SeenRecords


def count_traffic(task: TrafficCountTask) -> list[TrafficCounts]:
    return [_count_field(task, output) for output in task.outputs]


def _count_field(task: TrafficCountTask, output: FieldOutput) -> TrafficCounts:
    seen = SeenRecords()
    chunks = (chunk for split in task.splits for chunk in _values(task.day, output, split, seen))
    encoder = task.day.encoder(output.field)
    tables = (
        by_row(encoder.encode_values(_array(counts["value"])), counts)
        for counts in count_values(chunks)
    )
    together = _in_one(tables, output) if len(output.ranges) == 1 else tables
    return TrafficCounts(write_counts(output, together, task.number, task.alone), seen)


def _in_one(tables: Iterable[pa.Table], output: FieldOutput) -> Iterator[pa.Table]:
    yield add_counts(tables, output.ranges[0])


def _values(
    day: TrafficDay, output: FieldOutput, split: Split, seen: SeenRecords
) -> Iterator[Valued]:
    columns = list(dict.fromkeys([day.label_column, *(field.column for field in day.fields)]))
    for first_row, batch in read_split(day.lake, split, columns):
        taken = batch.filter(pa.array(_was_taken(day, split.path, first_row, batch.num_rows)))
        unfit = refused_for_fields(taken, day.fields)
        labels = as_floats(plain(taken.column(day.label_column)), fill=0.0).astype(np.int8)
        seen.examples += taken.num_rows
        seen.positives += int(np.count_nonzero(labels))
        seen.unfit += int(np.count_nonzero(unfit))
        fit = taken.filter(pa.array(~unfit))
        jagged = field_values(fit.column(output.field.column), output.field)
        yield jagged.values, np.repeat(labels[~unfit], jagged.lengths)


def _was_taken(day: TrafficDay, path: str, first_row: int, rows: int) -> np.ndarray:
    """`(rows,)` bool: which records of a batch are not in the day's quarantine."""
    taken = np.ones(rows, dtype=bool)
    refused = day.refused.get(path)
    if refused is not None:
        first, last = np.searchsorted(refused, [first_row, first_row + rows])
        taken[refused[first:last] - first_row] = False
    return taken


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
