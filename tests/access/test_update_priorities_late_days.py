"""update-priorities when days come late, again, or not at all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs.context import DayContext, JobResult
from jobs.count_accesses import count_accesses
from shark_core.lake import Marker
from shark_core.schemas import ROW_PRIORITY
from tests.access.priority_days import (
    EXACT,
    FIELDS,
    at,
    bring,
    count_and_update,
    day,
    days_of,
    fields,
    found,
    replayed,
)

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]


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
    some = "2026-01-02, 2026-01-03, 2026-01-04 and 2 more; they are taken when they come"
    for name in FIELDS:
        assert f"field {name} has no counts of {some}" in caplog.text
    assert "field topics" not in caplog.text
    assert "days are missing for 4 fields in all" in caplog.text
    told = (
        f"update-priorities: {figures['rows_in']} rows in, {figures['rows']} rows out, 0 dropped "
        f"below the floor, {figures['bytes']} bytes"
    )
    assert told in caplog.text


def test_a_marker_names_the_state_and_the_counts_that_went_in(history: dict[str, Step]) -> None:
    marker = history["recounted"].markers["ad"]
    days = [f"access_counts/ds={day(number)}" for number in (2, 3, 4, 5, 6)]
    assert set(marker.inputs) == {f"row_priority/ds={day(1)}", *days}
    assert marker.facts["applied"][str(day(6))] == marker.inputs[days[-1]]
    assert set(marker.facts["applied"]) == {str(day(number)) for number in range(1, 7)}


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
