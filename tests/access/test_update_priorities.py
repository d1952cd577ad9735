"""update-priorities by its job: what it writes, drops and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from jobs.update_priorities import update_priorities
from shark_core.access.priority_tasks import UpdateTask, update_tasks
from shark_core.access.row_ranges import RANGE_ROWS
from shark_core.errors import DataError, RetryableError
from shark_core.schemas import ROW_PRIORITY
from tests.access.priority_days import (
    FIELDS,
    at,
    bring,
    count_and_update,
    day,
    fields,
    found,
    replayed,
)
from tests.traffic.day_lake import (
    LENIENT,
    context_of,
    fingerprints,
    records,
    with_values,
    write_traffic,
)

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]


def test_running_any_day_again_gives_the_same_bytes(tmp_path: Path) -> None:
    days = [bring(tmp_path, number) for number in (1, 2)]
    for context in days:
        count_and_update(context)
    before = fingerprints(tmp_path)
    assert sum(name.startswith("row_priority") for name in before) == 2 * len(FIELDS)
    for context in reversed(days):
        count_and_update(context)
    assert fingerprints(tmp_path) == before


def test_rows_below_the_floor_are_dropped_and_counted(tmp_path: Path) -> None:
    priority = {"positive_weight": 1.0, "decay": 0.5, "floor": 0.3}
    first, second = (bring(tmp_path, number, priority=priority) for number in (1, 2))
    assert count_and_update(first).figures["dropped"] == 0
    result = count_and_update(second)
    full = {name: replayed(second, name) for name in FIELDS}
    kept = {name: {r: s for r, s in full[name].items() if s >= 0.3} for name in FIELDS}
    assert {name: found(second, name) for name in FIELDS} == kept
    assert result.figures["dropped"] == sum(len(full[n]) - len(kept[n]) for n in FIELDS) > 0


def test_rows_of_a_table_of_several_ranges_lie_in_a_file_for_each(tmp_path: Path) -> None:
    user = {"name": "user", "encoding": "identity", "num_embeddings": RANGE_ROWS + 100}
    far = {record: RANGE_ROWS + record % 100 for record in range(0, 240, 2)}
    for number in (1, 2):
        context = context_of(tmp_path, day(number), fields=[user])
        write_traffic(tmp_path, with_values(records(240, context.day), "user", far), context.day)
        ingest(context)
        count_and_update(context)
    first, second = context.marker(ROW_PRIORITY, field="user").files
    assert (first.rows, second.rows) == (len(found(context, "user")) - second.rows, 50)
    expected = replayed(context, "user", RANGE_ROWS + 100)
    assert found(context, "user") == pytest.approx(expected, rel=1e-9)


def test_rows_outside_the_table_are_refused(tmp_path: Path) -> None:
    first = bring(tmp_path, 1)
    count_and_update(first)
    smaller = [{**field, "num_embeddings": 30} for field in fields(*FIELDS)]
    second = bring(tmp_path, 2, fields=smaller, **LENIENT)
    count_accesses(second)
    with pytest.raises(DataError, match=r"(?s)'user' has counts or priorities of rows outside"):
        update_priorities(second)
    assert not any(name.startswith(f"row_priority/ds={day(2)}") for name in fingerprints(tmp_path))


def test_partitions_of_a_field_that_left_the_config_disturb_nothing(tmp_path: Path) -> None:
    first, second = bring(tmp_path, 1), bring(tmp_path, 2)
    count_and_update(first)
    left = at(second, "user", "tags")
    assert count_and_update(left).figures["fields"] == len(FIELDS) - 1


def test_counts_of_earlier_examples_are_refused(tmp_path: Path) -> None:
    context = bring(tmp_path, 1)
    count_accesses(context)
    bring(tmp_path, 1, seed=1)
    with pytest.raises(DataError, match=r"(?s)older than the day's examples.*count-accesses"):
        update_priorities(context)


def test_a_day_without_counts_of_its_own_is_refused(tmp_path: Path) -> None:
    first, second = bring(tmp_path, 1), bring(tmp_path, 2)
    count_and_update(first)
    with pytest.raises(DataError, match=r"(?s)access_counts is missing.*jobs count-accesses"):
        update_priorities(second)


def test_counts_that_are_written_anew_meanwhile_are_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = bring(tmp_path, 1)
    count_accesses(context)

    def planned_before_a_recount(*arguments: Any) -> list[UpdateTask]:
        tasks = update_tasks(*arguments)
        count_accesses(context)
        return tasks

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("jobs.update_priorities.update_tasks", planned_before_a_recount)
        with pytest.raises(RetryableError, match="written anew"):
            update_priorities(context)
    assert not any(name.startswith(ROW_PRIORITY.name) for name in fingerprints(tmp_path))
    assert update_priorities(context).figures["rows"] > 0
