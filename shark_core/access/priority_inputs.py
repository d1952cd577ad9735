"""The first step of update-priorities on Spark: what a field's priorities of a day are made from.

    plan_field     markers of the field's counts and states   →   what to start from, what to add

A field's markers are small, and as many as there are days that matter. Several are read at a time,
for S3's sake, where each takes two requests. Measured on a local disk, where the ledger is what the
days add to the state's marker (`tests/benchmarks/priority_cost.py`):

    days   124   1,000   2,750
    ms      22     120     400   of one core
    kB       4      35      96   of ledger
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import ClassVar

from shark_core.access.priority_plan import Counts, PriorityPlan, Rules, State, plan_priorities
from shark_core.config_sections import Field, Priority
from shark_core.errors import DataError
from shark_core.lake import Lake, Marker, Partition, partition
from shark_core.schemas import ACCESS_COUNTS, ROW_PRIORITY, Dataset

MARKERS_AT_A_TIME = 8


@dataclass(frozen=True)
class PlanTask:
    """Plan a field's priorities of `day`, whose examples have the fingerprint `examples`.

    `counted` and `updated`: the unsettled days before `day` on which any field has counts or
    priorities.
    """

    lake: Lake
    field: Field
    day: date
    examples: str
    settings: Priority
    counted: tuple[date, ...]
    updated: tuple[date, ...]
    size: ClassVar[float] = 1.0  # one field

    def partition(self, dataset: Dataset, day: date) -> Partition:
        return partition(dataset, day, field=self.field.name)

    def find(self, dataset: Dataset, day: date) -> Marker | None:
        return self.lake.find_marker(self.partition(dataset, day))


@dataclass(frozen=True)
class FieldPlan:
    """A field's plan with the markers that it names: of its base (none or one), and of its days."""

    field: Field
    plan: PriorityPlan
    base: dict[date, Marker]
    counts: dict[date, Marker]

    @property
    def rows(self) -> int:
        """The rows that come in."""
        return sum(marker.rows for marker in [*self.base.values(), *self.counts.values()])

    @property
    def inputs(self) -> dict[str, str]:
        states = {f"row_priority/ds={day}": m.fingerprint for day, m in self.base.items()}
        return states | {f"access_counts/ds={day}": m.fingerprint for day, m in self.counts.items()}


def plan_field(task: PlanTask) -> FieldPlan:
    """Raises `DataError` where the day's own counts are missing, or not of what there is now."""
    markers = _past_counts(task) | {task.day: _own_counts(task)}
    counts = {
        day: Counts(marker.fingerprint, marker.facts.get("row_assignment"))
        for day, marker in markers.items()
    }
    read: dict[date, Marker] = {}
    rules = Rules.of(task.field, task.settings)
    plan = plan_priorities(task.day, counts, _states(task, read), rules)
    return FieldPlan(
        field=task.field,
        plan=plan,
        base={day: marker for day, marker in read.items() if day == plan.base},
        counts={day: markers[day] for day in plan.add},
    )


def _past_counts(task: PlanTask) -> dict[date, Marker]:
    with ThreadPoolExecutor(MARKERS_AT_A_TIME) as pool:
        markers = pool.map(partial(task.find, ACCESS_COUNTS), task.counted)
        return {day: found for day, found in zip(task.counted, markers, strict=True) if found}


def _own_counts(task: PlanTask) -> Marker:
    own = task.partition(ACCESS_COUNTS, task.day)
    counts = task.lake.marker(own)
    field, where = task.field, task.lake.location(own.path)
    if counts.inputs.get("examples") != task.examples:
        raise DataError(
            f"the access counts of field {field.name!r} are older than the day's examples",
            expected=f"counts of examples {task.examples}",
            found=f"counts of examples {counts.inputs.get('examples')}",
            where=where,
            remedy="run `python -m jobs count-accesses` for this day again",
        )
    if counts.facts.get("row_assignment") != field.row_assignment:
        raise DataError(
            f"the access counts of field {field.name!r} are of another table than the config's",
            expected=f"row assignment {field.row_assignment!r}",
            found=repr(counts.facts.get("row_assignment")),
            where=where,
            remedy="run `python -m jobs ingest`, then `count-accesses`, for this day again",
        )
    return counts


def _states(task: PlanTask, read: dict[date, Marker]) -> Iterator[State]:
    """Newest first; each marker is read, and kept in `read`, when its state is asked for."""
    for day in sorted(task.updated, reverse=True):
        if marker := task.find(ROW_PRIORITY, day):
            read[day] = marker
            yield State.from_facts(day, marker.facts)
