"""What a task of update-priorities carries and reads, without Spark."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from shark_core.access.priority_inputs import FieldPlan, PlanTask, plan_field
from shark_core.access.priority_tasks import UpdateTask, update_range, update_tasks
from shark_core.access.row_ranges import RANGE_ROWS
from shark_core.config_sections import Field, Priority
from shark_core.errors import DataError, RetryableError
from shark_core.lake import Lake, Marker, partition
from shark_core.partition_writer import AttemptFiles, PartitionWriter, RunStamp
from shark_core.schemas import ACCESS_COUNTS
from tests.access.literal_plans import day
from tests.access.priority_history import DayCounts, counts_table

SETTINGS = Priority()
FIELD = Field(name="user", encoding="identity", num_embeddings=2 * RANGE_ROWS + 1, embedding_dim=4)


def write_counts(lake: Lake, number: int, *ranges: DayCounts) -> Marker:
    """A day's counts, a part file for each range of rows."""
    target = partition(ACCESS_COUNTS, day(number), field=FIELD.name)
    with PartitionWriter(lake, target, RunStamp("config", "code")) as writer:
        for part, counted in enumerate(ranges):
            writer.write_table(f"part-{part:05d}.parquet", counts_table(counted))
        facts = {"row_assignment": FIELD.row_assignment}
        return writer.commit({"examples": "examples"}, facts)


def planned(lake: Lake, number: int, counted: Iterable[int]) -> FieldPlan:
    past = tuple(day(known) for known in counted)
    return plan_field(PlanTask(lake, FIELD, day(number), "examples", SETTINGS, past, ()))


def tasks_of(lake: Lake, number: int, counted: Iterable[int] = ()) -> list[UpdateTask]:
    plan = planned(lake, number, counted)
    return update_tasks(plan, day(number), SETTINGS, AttemptFiles(lake, "out", "attempt"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def test_a_task_carries_the_files_of_its_range_only(lake: Lake) -> None:
    earlier = write_counts(lake, 1, {1: (1, 0)}, {RANGE_ROWS: (0, 1)})
    own = write_counts(lake, 2, {2: (1, 0)}, {}, {2 * RANGE_ROWS: (0, 1)})
    paths = [
        {(files.age_days, entry.path) for files in task.counts for entry in files.files}
        for task in tasks_of(lake, 2, [1])
    ]
    assert paths == [
        {(1, earlier.files[0].path), (0, own.files[0].path)},
        {(1, earlier.files[1].path), (0, own.files[1].path)},
        {(0, own.files[2].path)},
    ]


def test_the_size_of_a_task_is_the_rows_that_come_into_its_range(lake: Lake) -> None:
    write_counts(lake, 1, {1: (1, 0), 2: (1, 0)}, {RANGE_ROWS: (0, 1)})
    write_counts(lake, 2, {2: (1, 0)}, {}, {})
    assert [task.size for task in tasks_of(lake, 2, [1])] == [3, 1, 0]


def test_counts_that_are_replaced_after_they_were_planned_are_worth_another_try(
    lake: Lake,
) -> None:
    write_counts(lake, 1, {1: (1, 0)}, {}, {})
    task, *_ = tasks_of(lake, 1)
    write_counts(lake, 1, {1: (2, 0)}, {}, {})
    with pytest.raises(RetryableError, match=r"(?s)written anew.*field=user.*run the command"):
        update_range(task)
    assert update_range(tasks_of(lake, 1)[0]).rows_in == 1


def test_counts_that_are_lost_after_they_were_planned_are_not(lake: Lake) -> None:
    marker = write_counts(lake, 1, {1: (1, 0)}, {}, {})
    task, *_ = tasks_of(lake, 1)
    Path(lake.absolute(marker.files[0].path)).unlink()
    with pytest.raises(DataError, match=r"(?s)cannot be read.*field=user"):
        update_range(task)
