"""Spark tasks that count fields in traffic, for days whose examples were made without them.

    split 0 ─┐                        ┌─ counter of field a ─ encode ─→ counts of a, by row
    split 1 ─┼─ labels, the columns ──┤
    split 2 ─┘  of one at a time      └─ counter of field b ─ encode ─→ counts of b, by row

What counts is what would have, had the day been ingested with these fields
(`shark_core.access.past_splits`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shark_core.access.count_files import CountsWriter, FieldCounts, FieldOutput
from shark_core.access.judging import NO_LABEL, JudgedSplit, read_labels
from shark_core.access.value_counts import ValueCounter, bytes_each, encoded
from shark_core.lake import Lake
from shark_core.traffic.columns import field_values
from shark_core.traffic.encoding import FieldEncoder
from shark_core.traffic.traffic_files import read_split
from shark_core.traffic.vocabulary_store import Paths, encoder_with


@dataclass(frozen=True)
class TrafficCountTask:
    """Count `outputs` in splits of a day's traffic. `vocabularies`: the files of each that has one.

    `number`: which of the day's groups of splits this is; `alone`: it is the only one.
    """

    lake: Lake
    outputs: tuple[FieldOutput, ...]
    vocabularies: Mapping[str, Paths]
    splits: tuple[JudgedSplit, ...]
    number: int
    alone: bool

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(output.field.column for output in self.outputs))

    def encoder(self, output: FieldOutput) -> FieldEncoder:
        return encoder_with(self.lake, output.field, self.vocabularies)


def count_traffic(task: TrafficCountTask) -> list[FieldCounts]:
    """In the order of the outputs."""
    limit = bytes_each(len(task.outputs))
    counting = [
        _Counting(task, output, ValueCounter(limit), CountsWriter(output, task.number, task.alone))
        for output in task.outputs
    ]
    for batch, labels in _records(task):
        for each in counting:
            each.add(batch, labels)
    return [each.finish() for each in counting]


def _records(task: TrafficCountTask) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Batches of the records that count, and their labels."""
    for judged in task.splits:
        labels, start = read_labels(task.lake, judged), judged.split.first_row
        for first_row, batch in read_split(task.lake, judged.split, task.columns):
            own = labels[first_row - start :][: batch.num_rows]
            counts = own != NO_LABEL
            yield batch.filter(pa.array(counts)), own[counts]


@dataclass(frozen=True, eq=False)
class _Counting:
    """One field of a task."""

    task: TrafficCountTask
    output: FieldOutput
    counter: ValueCounter
    writer: CountsWriter

    def add(self, batch: pa.RecordBatch, labels: np.ndarray) -> None:
        jagged = field_values(batch.column(self.output.field.column), self.output.field)
        if tables := self.counter.add(jagged.values, np.repeat(labels, jagged.lengths)):
            self.writer.write([self._encoded(tables)])

    def finish(self) -> FieldCounts:
        return self.writer.finish(self._encoded(self.counter.rest()))

    def _encoded(self, tables: list[pa.Table]) -> pa.Table:
        return encoded(tables, self.task.encoder(self.output).encode_values)
