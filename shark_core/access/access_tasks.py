"""Spark tasks, one a field: each reads that field's column and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shark_core.access.counts import Accesses, accesses, count_accesses
from shark_core.access.priorities import NO_PRIORITIES, update_priorities
from shark_core.config_sections import Field, Priority
from shark_core.errors import DataError
from shark_core.lake import FileEntry, Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import field_column

PART = "part-00000.parquet"


@dataclass(frozen=True)
class CountTask:
    """Count a field's accesses in the examples files `paths`."""

    lake: Lake
    field: Field
    paths: tuple[str, ...]
    output: AttemptFiles


@dataclass(frozen=True)
class Counted:
    entry: FileEntry
    positives: int
    negatives: int


def count_field(task: CountTask) -> Counted:
    """Raises `DataError` where the examples were made for another table."""
    chunks = (chunk for path in task.paths for chunk in _read_accesses(task, path))
    counts = count_accesses(chunks, task.field.num_embeddings)
    return Counted(
        entry=task.output.write_table(PART, counts, compression="zstd"),
        positives=pc.sum(counts["positives"]).as_py() or 0,
        negatives=pc.sum(counts["negatives"]).as_py() or 0,
    )


def _read_accesses(task: CountTask, path: str) -> Iterator[Accesses]:
    """One file at a time; examples files are bounded by the size of a split."""
    column = field_column(task.field.name)
    with task.lake.reading(path):
        names = pq.read_schema(task.lake.absolute(path), filesystem=task.lake.filesystem).names
    if column not in names:
        raise _other_table(task, path, "no such column")
    table = task.lake.read_parquet(path, ["label", column])
    rows, labels = accesses(table[column], table["label"])
    if len(rows) and int(rows.max()) >= task.field.num_embeddings:
        raise _other_table(task, path, f"row id {np.max(rows)}")
    yield rows, labels


def _other_table(task: CountTask, path: str, found: str) -> DataError:
    return DataError(
        f"the examples do not fit field {task.field.name!r}",
        expected=f"column {field_column(task.field.name)!r} with row ids below "
        f"{task.field.num_embeddings} (num_embeddings)",
        found=found,
        where=task.lake.location(path),
        remedy="run `python -m jobs ingest` for this day again with the present config",
    )


@dataclass(frozen=True)
class PriorityTask:
    """Update a field's priorities; `previous` is empty on its first day."""

    lake: Lake
    settings: Priority
    previous: tuple[str, ...]
    counts: tuple[str, ...]
    output: AttemptFiles


def update_field(task: PriorityTask) -> FileEntry:
    previous = [task.lake.read_parquet(path) for path in task.previous]
    counts = pa.concat_tables([task.lake.read_parquet(path) for path in task.counts])
    priorities = update_priorities(
        pa.concat_tables([NO_PRIORITIES, *previous]), counts, task.settings
    )
    return task.output.write_table(PART, priorities, compression="zstd")
