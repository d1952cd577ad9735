"""The second step of update-priorities on Spark: by field and range of rows.

    update_range   the base's and the days' part files of the range   →   one part file

Spark takes several in a batch (`shark_core.spark.batches`). A range of 4.2M rows that all have a
priority, and of which a tenth were accessed, takes 0.5 s of a core (9M rows a second) and 0.6 GiB,
0.7 where all were accessed (`tests/benchmarks/priority_cost.py`); more days take more time only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from shark_core.access.priorities import Aged, updated_priorities
from shark_core.access.priority_inputs import FieldPlan
from shark_core.access.row_ranges import RowRange, read_range, row_ranges
from shark_core.config_sections import Priority
from shark_core.errors import DataError
from shark_core.lake import FileEntry, Lake, Marker
from shark_core.partition_writer import AttemptFiles

# Row ids as differences, priorities byte by byte: 8.3 bytes a row where the default takes 12.8.
ENCODING = {
    "compression": "zstd",
    "use_dictionary": False,
    "column_encoding": {"row_id": "DELTA_BINARY_PACKED", "priority": "BYTE_STREAM_SPLIT"},
}


@dataclass(frozen=True)
class AgedFiles:
    """Files of a day that is `age_days` before the day of the new priorities."""

    age_days: int
    files: tuple[FileEntry, ...]

    @property
    def rows(self) -> int:
        return sum(entry.rows for entry in self.files)


@dataclass(frozen=True)
class UpdateTask:
    """Update a range of a field's rows; `states` is empty where the field starts from zero."""

    lake: Lake
    settings: Priority
    rows: RowRange
    states: tuple[AgedFiles, ...]
    counts: tuple[AgedFiles, ...]
    output: AttemptFiles

    @property
    def size(self) -> float:
        """The rows that come in."""
        return float(sum(day.rows for day in (*self.states, *self.counts)))


@dataclass(frozen=True)
class UpdatedRange:
    entry: FileEntry
    rows_in: int
    dropped: int


def update_tasks(
    plan: FieldPlan, day: date, settings: Priority, output: AttemptFiles
) -> list[UpdateTask]:
    """One for each range of the field's rows, in their order."""
    return [
        UpdateTask(
            lake=output.lake,
            settings=settings,
            rows=rows,
            states=_aged(plan.base, day, rows),
            counts=_aged(plan.counts, day, rows),
            output=output,
        )
        for rows in row_ranges(plan.field.num_embeddings)
    ]


def _aged(markers: Mapping[date, Marker], on: date, rows: RowRange) -> tuple[AgedFiles, ...]:
    """The files that may hold rows of the range, of the days that have some."""
    files = {
        day: tuple(entry for entry in marker.files if rows.may_be_in(entry.path))
        for day, marker in markers.items()
    }
    return tuple(AgedFiles((on - day).days, found) for day, found in files.items() if found)


def update_range(task: UpdateTask) -> UpdatedRange:
    """One file at a time; the part file is written even where the range has no rows."""
    states, counts = _read(task, task.states), _read(task, task.counts)
    updated = updated_priorities(task.rows, states, counts, task.settings)
    entry = task.output.write_table(task.rows.part, updated.table, **ENCODING)
    return UpdatedRange(entry, updated.rows_in, updated.dropped)


def _read(task: UpdateTask, days: Iterable[AgedFiles]) -> Iterator[Aged]:
    for day in days:
        for table in read_range(task.lake, [entry.path for entry in day.files], task.rows):
            yield Aged(day.age_days, table)


def check_every_row(plan: FieldPlan, parts: Iterable[UpdatedRange]) -> None:
    """Raises `DataError` where the base or the counts have rows outside the field's table."""
    field, taken = plan.field, sum(part.rows_in for part in parts)
    if taken != plan.rows:
        raise DataError(
            f"field {field.name!r} has counts or priorities of rows outside its table",
            expected=f"{plan.rows} rows, each with 0 ≤ row_id < {field.num_embeddings} "
            "(num_embeddings)",
            found=f"{taken} of them",
            where=f"the inputs {', '.join(plan.inputs)}, each in field={field.name}",
            remedy="where its table became smaller, give the field a new name",
        )
