"""Spark tasks that count accesses in examples: each reads its fields' columns and nothing else.

file 0 ─┐                       ┌─ counter of field a ─→ files of a
file 1 ─┼─ labels and columns ──┤
file 2 ─┘  of one at a time     └─ counter of field b ─→ files of b
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shark_core.access.count_files import CountsWriter, FieldCounts, FieldOutput
from shark_core.access.counts import Accesses, RowCounter, accesses, row_counter
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake
from shark_core.schemas import field_column

ROWS_AT_A_TIME = 1 << 18  # whole row groups; as many as ingest puts in a file


@dataclass(frozen=True)
class CountTask:
    """Count fields' accesses in the examples files `paths`.

    `number`: which of the day's groups of files this is; `alone`: it is the only one.
    """

    lake: Lake
    outputs: tuple[FieldOutput, ...]
    paths: tuple[str, ...]
    number: int
    alone: bool


def count_files(task: CountTask) -> list[FieldCounts]:
    """In the order of the outputs. Raises `DataError` for examples made for another table."""
    counting = [
        _Counting(
            output.field,
            row_counter(output.field.num_embeddings),
            CountsWriter(output, task.number, task.alone),
        )
        for output in task.outputs
    ]
    for path in task.paths:
        for examples in _read(task, path):
            labels = examples.labels()
            for each in counting:
                each.writer.write(each.counter.add(examples.accesses(each.field, labels)))
    return [each.writer.finish(each.counter.rest()) for each in counting]


@dataclass(frozen=True)
class _Counting:
    field: Field
    counter: RowCounter
    writer: CountsWriter


def _read(task: CountTask, path: str) -> Iterator[_Examples]:
    """The file's row groups, a few at a time; only the columns that the task counts."""
    lake = task.lake
    with (
        lake.reading(path),
        lake.filesystem.open_input_file(lake.absolute(path)) as source,
        pq.ParquetFile(source, pre_buffer=True) as parquet,
    ):
        wanted = ["label", *(field_column(output.field.name) for output in task.outputs)]
        columns = [name for name in wanted if name in parquet.schema_arrow.names]
        for groups in _runs(parquet.metadata):
            table = parquet.read_row_groups(groups, columns, use_threads=False)
            yield _Examples(lake, path, table)


def _runs(metadata: pq.FileMetaData) -> Iterator[list[int]]:
    run: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        if run and rows + metadata.row_group(group).num_rows > ROWS_AT_A_TIME:
            yield run
            run, rows = [], 0
        run.append(group)
        rows += metadata.row_group(group).num_rows
    if run:
        yield run


@dataclass(frozen=True, eq=False)
class _Examples:
    """Some examples of a file: their labels, and row ids by field."""

    lake: Lake = field(repr=False)
    path: str
    table: pa.Table

    def labels(self) -> np.ndarray:
        """`(B,)` int8, each 0 or 1."""
        labels = self.table["label"]
        least, most = pc.min_max(labels).as_py().values()
        if labels.null_count or not {least, most} <= {0, 1, None}:
            found = f"{labels.null_count} without one, the others from {least} to {most}"
            raise self._refused("the examples have labels that are none", "0 or 1", found)
        return labels.to_numpy()

    def accesses(self, of: Field, labels: np.ndarray) -> Accesses:
        name = field_column(of.name)
        if name not in self.table.column_names:
            raise self._other_table(of, "no such column")
        column = self.table[name]
        ids = pc.list_flatten(column) if pa.types.is_list(column.type) else column
        if ids.null_count:
            raise self._other_table(of, f"{ids.null_count} row ids that are null")
        least, most = pc.min_max(ids).as_py().values()
        if len(ids) and not 0 <= least <= most < of.num_embeddings:
            raise self._other_table(of, f"row ids from {least} to {most}")
        return accesses(column, labels)

    def _other_table(self, of: Field, found: str) -> DataError:
        expected = (
            f"column {field_column(of.name)!r} with row ids from 0 to {of.num_embeddings - 1}"
        )
        return self._refused(f"the examples do not fit field {of.name!r}", expected, found)

    def _refused(self, summary: str, expected: str, found: str) -> DataError:
        return DataError(
            summary,
            expected=expected,
            found=found,
            where=self.lake.location(self.path),
            remedy="run `python -m jobs ingest` for this day again with the present config",
        )
