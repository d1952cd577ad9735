"""update-priorities over days of real jobs, against a dense loop over the days' counts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jobs.context import DayContext, JobResult
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from jobs.update_priorities import update_priorities
from shark_core.access.row_ranges import RANGE_ROWS
from shark_core.errors import DataError
from shark_core.lake import Marker, partition
from shark_core.schemas import ACCESS_COUNTS, ROW_PRIORITY, ROW_PRIORITY_SCHEMA
from tests.traffic.day_lake import (
    DAY,
    LENIENT,
    context_of,
    fingerprints,
    next_day,
    records,
    table_of,
    tiny_config,
    with_values,
    write_traffic,
)

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]

FIELDS = ["user", "ad", "tags"]
EXACT = {"priority": {"positive_weight": 2.0, "decay": 0.2, "floor": 0.0}}


def day(number: int) -> date:
    """Day 1, day 2, …"""
    return next_day(DAY, number - 1)


def fields(*names: str) -> list[dict[str, Any]]:
    return [tiny_config().field(name).model_dump() for name in names]


def bring(lake: Path, number: int, seed: int = 0, **changes: Any) -> DayContext:
    """A day of traffic, ingested; `changes` of the config."""
    context = context_of(lake, day(number), **{"fields": fields(*FIELDS), **changes})
    write_traffic(lake, records(240, context.day, seed), context.day)
    ingest(context)
    return context


def count_and_update(context: DayContext) -> JobResult:
    count_accesses(context)
    return update_priorities(context)


def at(context: DayContext, *names: str) -> DayContext:
    """The same day under a config with other fields."""
    return context_of(Path(context.config.lake), context.day, fields=fields(*names))


def days_of(result: JobResult) -> dict[str, int]:
    """The figures of days that are not as usual, without those that are none."""
    kinds = ("late", "recounted", "missing")
    return {kind: n for kind in kinds if (n := result.figures[f"{kind}_days"])}


def found(context: DayContext, name: str) -> dict[int, float]:
    table = table_of(context, ROW_PRIORITY, field=name)
    assert table.schema == ROW_PRIORITY_SCHEMA
    rows = table["row_id"].to_pylist()
    assert rows == sorted(set(rows))
    return dict(zip(rows, table["priority"].to_pylist(), strict=True))


def replayed(context: DayContext, name: str, rows: int = 101) -> dict[int, float]:
    """The recurrence over all rows and every calendar day, from the counts that are there now."""
    settings = context.config.priority
    total, read = np.zeros(rows), np.zeros(rows, dtype=bool)
    for number in range(1, (context.day - DAY).days + 2):
        total *= 1.0 - settings.decay
        for row, positives, negatives in counts_of(context, day(number), name):
            total[row] += settings.decay * (settings.positive_weight * positives + negatives)
            read[row] = True
    return {int(row): float(total[row]) for row in np.flatnonzero(read)}


def counts_of(context: DayContext, on: date, name: str) -> list[tuple[int, int, int]]:
    source = partition(ACCESS_COUNTS, on, field=name)
    if context.lake.find_marker(source) is None:
        return []
    table: pa.Table = context.lake.read_table(source)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@dataclass(frozen=True)
class Step:
    """An update of a history, and what a replay gave at that moment."""

    result: JobResult
    markers: dict[str, Marker]
    found: dict[str, dict[int, float]]
    replayed: dict[str, dict[int, float]]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, spark: object) -> dict[str, Step]:
    """Day 3 is counted after day 4; day 2 is replaced after day 5."""
    lake = tmp_path_factory.mktemp("history")
    days = {number: bring(lake, number, **EXACT) for number in range(1, 7)}
    steps = {"first": step(days[1]), "ordinary": step(days[2]), "missing": step(days[4])}
    count_accesses(days[3])
    steps["late"] = step(days[5])
    count_accesses(bring(lake, 2, seed=1, **EXACT))
    steps["recounted"] = step(days[6])
    return steps


def step(context: DayContext) -> Step:
    result = count_and_update(context)
    return Step(
        result,
        {name: context.marker(ROW_PRIORITY, field=name) for name in FIELDS},
        {name: found(context, name) for name in FIELDS},
        {name: replayed(context, name) for name in FIELDS},
    )


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("moment", ["first", "ordinary", "missing", "late", "recounted"])
def test_priorities_equal_a_replay_of_every_day(
    history: dict[str, Step], moment: str, name: str
) -> None:
    assert len(history[moment].found[name]) > 10
    assert history[moment].found[name] == pytest.approx(history[moment].replayed[name], rel=1e-9)


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        ("first", {}),
        ("ordinary", {}),
        ("missing", {"missing": 1}),
        ("late", {"late": 1}),
        ("recounted", {"recounted": 1}),
    ],
)
def test_the_result_tells_which_days_are_not_as_usual(
    history: dict[str, Step], moment: str, days: dict[str, int]
) -> None:
    assert days_of(history[moment].result) == days


def test_the_log_names_missing_days_and_tells_what_went_in_and_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 7):
        context = bring(tmp_path, number, fields=fields(*FIELDS, "topics"))
        with caplog.at_level(logging.INFO, "shark"):
            caplog.clear()
            figures = count_and_update(context).figures
    some = "2026-01-02, 2026-01-03, 2026-01-04 and 2 more days; they are taken when they come"
    for name in FIELDS:
        assert f"field {name} has no counts of {some}" in caplog.text
    assert "field topics" not in caplog.text
    assert "days are missing for 4 fields in all" in caplog.text
    told = (
        f"update-priorities: {figures['rows_in']} rows in, {figures['rows']} rows out, 0 dropped "
        f"below the floor, {figures['bytes']} bytes"
    )
    assert told in caplog.text


def test_running_any_day_again_gives_the_same_bytes(tmp_path: Path) -> None:
    days = [bring(tmp_path, number) for number in (1, 2)]
    for context in days:
        count_and_update(context)
    before = fingerprints(tmp_path)
    assert sum(name.startswith("row_priority") for name in before) == 2 * len(FIELDS)
    for context in reversed(days):
        count_and_update(context)
    assert fingerprints(tmp_path) == before


def test_a_marker_names_the_state_and_the_counts_that_went_in(history: dict[str, Step]) -> None:
    marker = history["recounted"].markers["ad"]
    days = [f"access_counts/ds={day(number)}" for number in (2, 3, 4, 5, 6)]
    assert set(marker.inputs) == {f"row_priority/ds={day(1)}", *days}
    assert marker.facts["applied"][str(day(6))] == marker.inputs[days[-1]]
    assert set(marker.facts["applied"]) == {str(day(number)) for number in range(1, 7)}


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


def test_a_new_field_starts_from_zero_beside_the_others(tmp_path: Path) -> None:
    first, second = bring(tmp_path, 1), bring(tmp_path, 2)
    young = at(first, "user", "tags")
    for context in (young, second):
        result = count_and_update(context)
    assert result.figures["fields_from_zero"] == 1
    assert days_of(result) == {}
    assert found(second, "ad") == pytest.approx(replayed(second, "ad"))


def test_a_field_that_comes_back_has_decayed_by_calendar_days(tmp_path: Path) -> None:
    first, second, third = (bring(tmp_path, number) for number in (1, 2, 3))
    for context in (first, at(second, "user", "tags"), third):
        result = count_and_update(context)
    assert result.figures["fields_from_zero"] == 0
    assert days_of(result) == {"missing": 1}
    assert found(third, "ad") == pytest.approx(replayed(third, "ad"))


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
