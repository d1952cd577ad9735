"""The two steps of update-priorities on Spark: by field, then by field and range of rows.

    plan_field     markers of the field's counts and states   →   what to start from, what to add
    update_range   the base's and the days' files             →   one part file

Spark takes several of them in a batch (`shark_core.spark.batches`). A
field's markers are many, one for each day that matters, and small: several are read at a time, for
S3's sake (124 days on a local disk: 30 ms a field, 11 one at a time). An update takes 0.6 GiB at
most, where every row of a range has a priority and counts (4.2M rows, 1.2 s).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial

from shark_core.access.priorities import Aged, update_priorities
from shark_core.access.priority_plan import FieldPlan, State, plan_priorities
from shark_core.access.row_ranges import RowRange, read_range, row_ranges
from shark_core.config_sections import Field, Priority
from shark_core.errors import DataError
from shark_core.lake import FileEntry, Lake, Marker, partition
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import ACCESS_COUNTS, ROW_PRIORITY, Dataset

MARKERS_AT_A_TIME = 8

# Row ids as differences, priorities byte by byte: 8.3 bytes a row where the default takes 12.8.
ENCODING = {
    "compression": "zstd",
    "use_dictionary": False,
    "column_encoding": {"row_id": "DELTA_BINARY_PACKED", "priority": "BYTE_STREAM_SPLIT"},
}


@dataclass(frozen=True)
class PlanTask:
    """Plan a field's priorities of `day`, whose examples have the fingerprint `examples`.

    `counted` and `updated`: the unsettled days before `day` on which any field has counts or
    priorities.
    """

    lake: Lake
    field: str
    day: date
    examples: str
    settings: Priority
    counted: tuple[date, ...]
    updated: tuple[date, ...]
    size: float = 1.0

    def find(self, dataset: Dataset, day: date) -> Marker | None:
        return self.lake.find_marker(partition(dataset, day, field=self.field))


def plan_field(task: PlanTask) -> FieldPlan:
    """Raises `DataError` where the day's own counts are missing or of other examples."""
    counts = _past_counts(task) | {task.day: _own_counts(task)}
    fingerprints = {day: marker.fingerprint for day, marker in counts.items()}
    read: dict[date, Marker] = {}
    plan = plan_priorities(task.day, fingerprints, _states(task, read), task.settings)
    return FieldPlan(
        field=task.field,
        plan=plan,
        base={day: marker for day, marker in read.items() if day == plan.base},
        counts={day: counts[day] for day in plan.add},
    )


def _past_counts(task: PlanTask) -> dict[date, Marker]:
    with ThreadPoolExecutor(MARKERS_AT_A_TIME) as pool:
        markers = pool.map(partial(task.find, ACCESS_COUNTS), task.counted)
        return {day: found for day, found in zip(task.counted, markers, strict=True) if found}


def _own_counts(task: PlanTask) -> Marker:
    own = partition(ACCESS_COUNTS, task.day, field=task.field)
    counts = task.lake.marker(own)
    if counts.inputs.get("examples") != task.examples:
        raise DataError(
            f"the access counts of field {task.field!r} are older than the day's examples",
            expected=f"counts of examples {task.examples}",
            found=f"counts of examples {counts.inputs.get('examples')}",
            where=task.lake.location(own.path),
            remedy="run `python -m jobs count-accesses` for this day again",
        )
    return counts


def _states(task: PlanTask, read: dict[date, Marker]) -> Iterator[State]:
    """Newest first; each marker is read, and kept in `read`, when its state is asked for."""
    for day in sorted(task.updated, reverse=True):
        if marker := task.find(ROW_PRIORITY, day):
            read[day] = marker
            yield State.from_facts(day, marker.facts)


@dataclass(frozen=True)
class AgedFiles:
    """Files of a day that is `age_days` before the day of the new priorities."""

    age_days: int
    paths: tuple[str, ...]


@dataclass(frozen=True)
class UpdateTask:
    """Update a range of a field's rows; `states` is empty where the field starts from zero.

    `size`: rows that come in, if the field's are spread evenly over its ranges.
    """

    lake: Lake
    settings: Priority
    rows: RowRange
    states: tuple[AgedFiles, ...]
    counts: tuple[AgedFiles, ...]
    output: AttemptFiles
    size: float


@dataclass(frozen=True)
class UpdatedRange:
    entry: FileEntry
    rows_in: int
    dropped: int


def update_tasks(
    field: Field, plan: FieldPlan, day: date, settings: Priority, output: AttemptFiles
) -> list[UpdateTask]:
    """One for each range of the field's rows, in their order."""
    states, counts = _aged(plan.base, day), _aged(plan.counts, day)
    ranges = row_ranges(field.num_embeddings)
    return [
        UpdateTask(output.lake, settings, rows, states, counts, output, plan.rows / len(ranges))
        for rows in ranges
    ]


def _aged(markers: Mapping[date, Marker], on: date) -> tuple[AgedFiles, ...]:
    return tuple(
        AgedFiles((on - day).days, tuple(entry.path for entry in marker.files))
        for day, marker in markers.items()
    )


def update_range(task: UpdateTask) -> UpdatedRange:
    """One file at a time; the part file is written even where the range has no rows."""
    states, counts = _read(task, task.states), _read(task, task.counts)
    updated = update_priorities(task.rows, states, counts, task.settings)
    entry = task.output.write_table(task.rows.part, updated.table, **ENCODING)
    return UpdatedRange(entry, updated.rows_in, updated.dropped)


def check_every_row(field: Field, plan: FieldPlan, parts: Iterable[UpdatedRange]) -> None:
    """Raises `DataError` where the base or the counts have rows outside the field's table."""
    taken = sum(part.rows_in for part in parts)
    if taken != plan.rows:
        raise DataError(
            f"field {field.name!r} has counts or priorities of rows outside its table",
            expected=f"{plan.rows} rows, each with 0 ≤ row_id < {field.num_embeddings} "
            "(num_embeddings)",
            found=f"{taken} of them",
            where=f"the inputs {', '.join(plan.inputs)}, each in field={field.name}",
            remedy="where its table became smaller, its rows are others: give the field a new name",
        )


def _read(task: UpdateTask, days: Iterable[AgedFiles]) -> Iterator[Aged]:
    for day in days:
        for table in read_range(task.lake, day.paths, task.rows):
            yield Aged(day.age_days, table)
