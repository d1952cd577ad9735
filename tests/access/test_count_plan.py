from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.access.count_plan import (
    COUNTERS_PER_TASK,
    FIELDS_PER_TASK,
    ROWS_PER_TASK,
    CountPlan,
    plan_counts,
)
from shark_core.access.row_ranges import RANGE_ROWS
from shark_core.config_sections import Field


@dataclass(frozen=True)
class File:
    rows: int


def fields(amount: int) -> list[Field]:
    return [
        Field(name=f"f{n}", encoding="identity", num_embeddings=n + 2, embedding_dim=1)
        for n in range(amount)
    ]


def shape(plan: CountPlan[File]) -> tuple[int, int]:
    return len(plan.field_groups), len(plan.source_groups)


@pytest.mark.parametrize(
    ("amount", "files", "cores", "expected"),
    [
        pytest.param(10, [File(262_144)] * 77, 2, (10, 1), id="a field a task"),
        pytest.param(10, [File(262_144)] * 40_000, 100, (10, 40), id="many examples"),
        pytest.param(10, [File(1 << 22)] * 900, 1, (5, 15), id="few cores"),
        pytest.param(1, [File(262_144)] * 77, 2, (1, 8), id="one field for all cores"),
        pytest.param(1000, [File(262_144)] * 77, 2, (32, 1), id="many fields"),
        pytest.param(3, [File(10)], 100, (3, 1), id="a file is not divided"),
        pytest.param(3, [], 2, (3, 1), id="no files"),
    ],
)
def test_the_work_is_divided_by_fields_first(
    amount: int, files: list[File], cores: int, expected: tuple[int, int]
) -> None:
    assert shape(plan_counts(fields(amount), files, cores)) == expected


@given(
    st.integers(1, 200),
    st.lists(st.builds(File, st.integers(0, 1000)), max_size=30),
    st.integers(1, 40),
)
def test_every_field_is_counted_in_every_file_once(
    amount: int, files: list[File], cores: int
) -> None:
    plan = plan_counts(fields(amount), files, cores)
    names = sorted(field.name for group in plan.field_groups for field in group)
    assert names == sorted(field.name for field in fields(amount))
    assert [file for group in plan.source_groups for file in group] == files
    assert max(map(len, plan.field_groups)) <= FIELDS_PER_TASK
    assert len(list(plan.tasks)) == len(plan.field_groups) * len(plan.source_groups)
    assert sum(plan.shares) == pytest.approx(sum(file.rows for file in files))


def test_no_task_takes_too_many_examples() -> None:
    files = [File(1 << 20)] * 900
    plan = plan_counts(fields(200), files, cores=1)
    rows = [sum(file.rows for file in group) for group in plan.source_groups]
    assert max(rows) <= ROWS_PER_TASK + (1 << 20)


def test_the_counters_of_a_task_fit_in_memory_together() -> None:
    sizes = [RANGE_ROWS // 2] * 9 + [1 << 27] * 3 + [10] * 50
    large = [
        Field(name=f"f{n}", encoding="identity", num_embeddings=size, embedding_dim=1)
        for n, size in enumerate(sizes)
    ]
    plan = plan_counts(large, [File(1)], cores=1)
    for group in plan.field_groups:
        assert sum(min(field.num_embeddings, RANGE_ROWS) for field in group) <= COUNTERS_PER_TASK
    assert max(map(len, plan.field_groups)) > 4


def test_large_tables_come_first() -> None:
    first, *_, last = plan_counts(fields(5), [File(1)], cores=2).tasks
    assert (first.fields[0].name, last.fields[0].name) == ("f4", "f0")


def test_a_task_is_alone_where_files_are_not_divided() -> None:
    assert all(task.alone for task in plan_counts(fields(10), [File(5)] * 9, cores=2).tasks)
    assert not any(task.alone for task in plan_counts(fields(1), [File(5)] * 9, cores=2).tasks)
