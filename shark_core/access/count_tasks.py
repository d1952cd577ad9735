"""Spark tasks that count accesses in examples: each reads its fields' columns and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shark_core.access.count_files import FieldCounts, FieldOutput, write_counts
from shark_core.access.counts import Accesses, accesses, count_accesses
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake
from shark_core.schemas import field_column


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
    """One field after the other. Raises `DataError` for examples made for another table."""
    with ExitStack() as opened:
        files = [opened.enter_context(_open(task.lake, path)) for path in task.paths]
        labels = [_labels(file) for file in files]
        return [_count_field(task, output, files, labels) for output in task.outputs]


@dataclass(frozen=True, eq=False)
class _ExamplesFile:
    lake: Lake
    path: str
    parquet: pq.ParquetFile

    def column(self, name: str) -> pa.ChunkedArray:
        with self.lake.reading(self.path):
            return self.parquet.read([name], use_threads=False)[name]

    def refuse(self, summary: str, expected: str, found: object) -> DataError:
        return DataError(
            summary,
            expected=expected,
            found=found,
            where=self.lake.location(self.path),
            remedy="run `python -m jobs ingest` for this day again with the present config",
        )


@contextmanager
def _open(lake: Lake, path: str) -> Iterator[_ExamplesFile]:
    with lake.reading(path):
        source = lake.filesystem.open_input_file(lake.absolute(path))
        with source, pq.ParquetFile(source, pre_buffer=True) as parquet:
            yield _ExamplesFile(lake, path, parquet)


def _labels(file: _ExamplesFile) -> np.ndarray:
    """`(B,)` int8, each 0 or 1."""
    labels = file.column("label")
    least, most = pc.min_max(labels).as_py().values()
    if labels.null_count or not {least, most} <= {0, 1, None}:
        found = f"{labels.null_count} without one, the others from {least} to {most}"
        raise file.refuse("the examples have labels that are none", "0 or 1", found)
    return labels.to_numpy()


def _count_field(
    task: CountTask,
    output: FieldOutput,
    files: Sequence[_ExamplesFile],
    labels: Sequence[np.ndarray],
) -> FieldCounts:
    chunks = (
        _accesses(file, of_file, output.field) for file, of_file in zip(files, labels, strict=True)
    )
    tables = count_accesses(chunks, output.field.num_embeddings)
    return write_counts(output, tables, task.number, task.alone)


def _accesses(file: _ExamplesFile, labels: np.ndarray, field: Field) -> Accesses:
    name = field_column(field.name)
    if name not in file.parquet.schema_arrow.names:
        raise _other_table(file, field, "no such column")
    column = file.column(name)
    ids = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    if ids.null_count:
        raise _other_table(file, field, f"{ids.null_count} row ids that are null")
    least, most = pc.min_max(ids).as_py().values()
    if len(ids) and not 0 <= least <= most < field.num_embeddings:
        raise _other_table(file, field, f"row ids from {least} to {most}")
    return accesses(column, labels)


def _other_table(file: _ExamplesFile, field: Field, found: str) -> DataError:
    expected = (
        f"column {field_column(field.name)!r} with row ids from 0 to {field.num_embeddings - 1}"
    )
    return file.refuse(f"the examples do not fit field {field.name!r}", expected, found)
