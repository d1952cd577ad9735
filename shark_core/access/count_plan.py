"""How the counting of a day is divided: groups of fields × groups of examples files.

    10 fields, 77 files of 262,144 examples, 2 cores     10 tasks: a field, all files
    10 fields, 40,000 files, 100 cores                  400 tasks: a field, 1,000 files
    1,000 small fields, 77 files, 2 cores                32 tasks: 32 fields, all files

Fields in one task share opened files and labels, and their counters are in memory together. Files
are divided where there are too few fields for the cores, or more examples than one task should
take; then the parts of a field are added up afterwards, which costs writing and reading them once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from shark_core.access.row_ranges import RANGE_ROWS
from shark_core.config_sections import Field
from shark_core.spark.batches import TASKS_PER_CORE

FIELDS_PER_TASK = 32
COUNTERS_PER_TASK = 2 * RANGE_ROWS  # 16 bytes each: 128 MiB
ROWS_PER_TASK = 1 << 28  # some seconds a field: what is lost when a worker is


class Source(Protocol):
    """Records that are read at once: an examples file, or a split of traffic."""

    @property
    def rows(self) -> int: ...


AnySource = TypeVar("AnySource", bound=Source)


@dataclass(frozen=True)
class CountPlan(Generic[AnySource]):
    """Every group of fields is counted in every group of sources, by one task each."""

    field_groups: tuple[tuple[Field, ...], ...]
    source_groups: tuple[tuple[AnySource, ...], ...]

    @property
    def tasks(self) -> Iterator[PlannedTask[AnySource]]:
        alone = len(self.source_groups) == 1
        for fields in self.field_groups:
            for number, sources in enumerate(self.source_groups):
                yield PlannedTask(fields, sources, number, alone)

    @property
    def shares(self) -> list[float]:
        """The records of each task, times its share of the fields: they add up to all records."""
        fields = sum(map(len, self.field_groups))
        return [
            sum(source.rows for source in task.sources) * len(task.fields) / fields
            for task in self.tasks
        ]


@dataclass(frozen=True)
class PlannedTask(Generic[AnySource]):
    """`number` of the group of sources; `alone` where there is no other one."""

    fields: tuple[Field, ...]
    sources: tuple[AnySource, ...]
    number: int
    alone: bool


def plan_counts(
    fields: Sequence[Field], sources: Sequence[AnySource], cores: int
) -> CountPlan[AnySource]:
    """Larger tables come first: their tasks take longest."""
    slots = TASKS_PER_CORE * cores
    field_groups = _grouped(fields, per_task=min(max(len(fields) // slots, 1), FIELDS_PER_TASK))
    rows = sum(source.rows for source in sources)
    groups = max(-(-rows // ROWS_PER_TASK), slots // len(field_groups), 1)
    return CountPlan(
        tuple(map(tuple, field_groups)), tuple(map(tuple, _divided(sources, rows, groups)))
    )


def _grouped(fields: Sequence[Field], per_task: int) -> list[list[Field]]:
    """Up to `per_task` fields each, whose counters fit in memory together."""
    groups: list[list[Field]] = []
    counters = 0
    for field in sorted(fields, key=lambda field: field.num_embeddings, reverse=True):
        own = min(field.num_embeddings, RANGE_ROWS)  # a larger table is counted by sorting
        if not groups or len(groups[-1]) == per_task or counters + own > COUNTERS_PER_TASK:
            groups.append([])
            counters = 0
        groups[-1].append(field)
        counters += own
    return groups


def _divided(sources: Sequence[AnySource], rows: int, groups: int) -> list[list[AnySource]]:
    """Up to `groups` runs of sources with about equally many rows; at least one, maybe empty."""
    divided: list[list[AnySource]] = [[]]
    before = 0
    for source in sources:
        if divided[-1] and before * groups >= rows * len(divided):
            divided.append([])
        divided[-1].append(source)
        before += source.rows
    return divided
