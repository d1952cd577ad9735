"""Spark tasks that complete the examples of a split: columns that are there, and columns of fields.

    examples   label  user        records that fit    city                label  user  city
    0          1      7           0                   "Rome"      →       1      7     12
    1          0      9           -                   unfit
    2          0      3           2                   "Oslo"              0      3     48

The examples are the day's own, in its records' order. Each must have its record's label: that is
what shows that the two still belong together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shark_core.access.example_runs import ExampleRows, Runs
from shark_core.access.past_splits import Judgement, PastSplit
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import FileEntry
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import field_column
from shark_core.traffic.encoding import FieldEncoder
from shark_core.traffic.parts import write_part
from shark_core.traffic.vocabulary_store import Paths, encoder_with

Encoders = Mapping[str, FieldEncoder]  # by the name of the field


@dataclass(frozen=True, eq=False)
class CompletionTask:
    """`runs`: the examples that the day took from the split; `schema`: of what is written.

    `vocabularies`: the files of each of the `fields` that has one.
    """

    split: PastSplit
    fields: tuple[Field, ...]
    vocabularies: Mapping[str, Paths]
    runs: Runs
    schema: pa.Schema
    files: AttemptFiles

    @property
    def size(self) -> float:
        return self.split.rows

    @property
    def present(self) -> pa.Schema:
        """The columns that the examples have already."""
        added = {field_column(field.name) for field in self.fields}
        return pa.schema([column for column in self.schema if column.name not in added])

    def encoders(self) -> Encoders:
        lake, known = self.split.lake, self.vocabularies
        return {field.name: encoder_with(lake, field, known) for field in self.fields}


@dataclass(frozen=True)
class CompletedSplit:
    """The file of a split, none where it has no example; `unfit` ones are left out of it."""

    entry: FileEntry | None
    positives: int
    unfit: int


def complete_split(task: CompletionTask) -> CompletedSplit:
    """Raises `DataError` where a record has not the label of its example."""
    seen: Counter[str] = Counter()
    name = f"part-{task.split.split.number:05d}.parquet"
    entry = write_part(task.files, name, task.schema, _completed(task, seen))
    return CompletedSplit(entry, seen["positives"], seen["unfit"])


def _completed(task: CompletionTask, seen: Counter[str]) -> Iterator[pa.RecordBatch]:
    encoders = task.encoders()
    rows = ExampleRows(task.split.lake, task.runs, task.present)
    for records, found in task.split.judged(*(field.column for field in task.fields)):
        examples = rows.take(int(np.count_nonzero(found.taken)))
        _check_labels(task, examples, found)
        fit = examples.filter(pa.array(~found.unfit[found.taken]))
        seen["unfit"] += examples.num_rows - fit.num_rows
        seen["positives"] += int(np.count_nonzero(fit["label"]))
        if fit.num_rows:
            yield _with_fields(task, encoders, fit, records.filter(pa.array(found.counts)))


def _with_fields(
    task: CompletionTask, encoders: Encoders, examples: pa.Table, records: pa.RecordBatch
) -> pa.RecordBatch:
    columns = {name: examples[name].combine_chunks() for name in examples.column_names}
    for field in task.fields:
        rows = encoders[field.name].encode(records.column(field.column))
        columns[field_column(field.name)] = rows
    arrays = [columns[name] for name in task.schema.names]
    return pa.RecordBatch.from_arrays(arrays, schema=task.schema)


def _check_labels(task: CompletionTask, examples: pa.Table, found: Judgement) -> None:
    expected = examples["label"].to_numpy()
    differ = np.flatnonzero(expected != found.labels[found.taken])
    if len(differ):
        place = differ[0]
        raise DataError(
            f"{len(differ)} records of the day have another label than the examples made of them",
            expected=f"the label {expected[place]} that the first of these examples has",
            found=f"{found.labels[found.taken][place]} in column {task.split.label_column!r}",
            where=task.split.lake.location(task.split.split.path),
            remedy="name the column that the day was ingested with as label.column, or run "
            "`python -m jobs ingest` for it again",
        )
