"""What backfill-counts takes for missing, and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from jobs.backfill_counts import backfill_counts
from jobs.backfilling import Backfill
from jobs.console import show
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from shark_core.errors import DataError
from shark_core.interval import Interval
from tests.access.past_days import DAYS, FIRST_WITH_FIELDS, PastDays, came_later, traffic
from tests.traffic.day_lake import (
    LENIENT,
    context_of,
    document,
    fingerprints,
    next_day,
    records,
    write_traffic,
)

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
pytest_plugins = ["tests.access.past_fixtures"]

FIRST, SECOND, THIRD, FOURTH, LAST = map(str, DAYS)


def ingest_again(past: PastDays, number: int, rows: int = 300) -> None:
    """With other traffic, and with the fields of that time."""
    write_traffic(past.lake, traffic(DAYS[number], rows), day=DAYS[number])
    ingest(past.context(number))


def changed_field(past: PastDays, name: str, **changes: object) -> Backfill:
    """A backfill of all past days by a config of now in which a field has other options."""
    fields = [
        {**field, **changes} if field["name"] == name else field for field in document()["fields"]
    ]
    config = context_of(past.lake, fields=fields, **LENIENT).config
    days = Interval.of_days(DAYS[0], DAYS[FIRST_WITH_FIELDS])
    return Backfill(config, (config.field(name),), days, "test")


def test_only_what_is_missing_is_counted(later: PastDays) -> None:
    backfill_counts(later.backfill("ad", end=2))
    before = {path: path.stat().st_mtime_ns for path in later.lake.rglob("_marker.json")}
    result = backfill_counts(later.backfill("ad", "tags"))
    assert result.figures["missing"] == {
        f"{FIRST} to {SECOND} (2 days)": "tags",
        THIRD: "ad, tags",
    }
    assert result.figures["counted_before"] == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert backfill_counts(later.backfill("ad", "tags")).figures["missing"] == {}


def test_a_day_that_was_ingested_again_is_missing_again(later: PastDays, tmp_path: Path) -> None:
    backfill_counts(later.backfill("ad"))
    ingest_again(later, 1)
    result = backfill_counts(later.backfill("ad"))
    assert result.figures["missing"] == {SECOND: "ad"}
    anew = came_later(tmp_path / "anew")
    ingest_again(anew, 1)
    backfill_counts(anew.backfill("ad", first=1, end=2))
    assert later.counts_marker(1, "ad").fingerprint == anew.counts_marker(1, "ad").fingerprint


def test_a_day_that_was_ingested_again_with_the_field_is_left_to_count_accesses(
    later: PastDays, caplog: pytest.LogCaptureFixture
) -> None:
    backfill_counts(later.backfill("ad", end=1))
    before = later.counts_marker(0, "ad")
    ingest(later.with_only(0, "ad"))
    result = backfill_counts(later.backfill("ad", end=1))
    assert (result.figures["missing"], result.figures["left_to_count_accesses"]) == ({}, 1)
    assert f"left to count-accesses, the examples have the field: ad {FIRST}" in caplog.text
    assert later.counts_marker(0, "ad") == before
    count_accesses(later.with_only(0, "ad"))
    assert backfill_counts(later.backfill("ad", end=1)).figures["counted_before"] == 1


def test_counts_by_rows_that_mean_other_values_now_are_missing(later: PastDays) -> None:
    backfill_counts(later.backfill("ad"))
    result = backfill_counts(changed_field(later, "ad", num_embeddings=55))
    assert result.figures["missing"] == {f"{FIRST} to {THIRD} (3 days)": "ad"}
    assert max(later.counts(0, "ad")["row_id"].to_pylist()) < 55


def test_an_identity_table_may_grow(later: PastDays) -> None:
    backfill_counts(later.backfill("user"))
    result = backfill_counts(changed_field(later, "user", num_embeddings=1000))
    assert result.figures["counted_before"] == 3


def test_counts_that_another_field_did_not_judge_are_missing(later: PastDays) -> None:
    fields = [field for field in document()["fields"] if field["name"] != "user"]
    config = context_of(later.lake, fields=fields, **LENIENT).config
    days = Interval.of_days(DAYS[0], DAYS[FIRST_WITH_FIELDS])
    backfill_counts(Backfill(config, (config.field("ad"),), days, "test"))
    result = backfill_counts(later.backfill("ad"))
    assert (result.figures["counted_before"], len(result.figures["missing"])) == (0, 1)
    assert backfill_counts(later.backfill("ad")).figures["counted_before"] == 3


def test_counts_by_a_vocabulary_that_was_made_anew_are_missing(later: PastDays) -> None:
    for number in (4, 3):  # the last day first: no other day builds on one then
        for dataset in ("vocabulary", "pending_values", "examples"):
            shutil.rmtree(later.lake / f"{dataset}/ds={DAYS[number]}")
    ingest(later.context(3))
    backfill_counts(later.backfill("site"))
    assert backfill_counts(later.backfill("site")).figures["missing"] == {}
    ingest_again(later, 3, rows=150)
    result = backfill_counts(later.backfill("site"))
    assert result.figures["missing"] == {f"{FIRST} to {THIRD} (3 days)": "site"}


def test_a_vocabulary_that_grows_leaves_the_counts_of_the_past_as_they_are(
    later: PastDays,
) -> None:
    for dataset in ("vocabulary", "pending_values", "examples"):
        shutil.rmtree(later.lake / f"{dataset}/ds={DAYS[4]}")
    backfill_counts(later.backfill("site"))
    ingest(later.context(4))
    assert backfill_counts(later.backfill("site")).figures["counted_before"] == 3


def test_days_whose_examples_have_the_field_are_left_to_count_accesses(later: PastDays) -> None:
    shutil.rmtree(later.lake / f"access_counts/ds={DAYS[3]}/field=ad")
    result = backfill_counts(later.backfill("ad", first=2, end=5))
    assert result.figures["missing"] == {THIRD: "ad"}
    assert result.figures["left_to_count_accesses"] == 1
    assert result.figures["counted_before"] == 1


def test_days_without_examples_are_left_out_and_said(
    later: PastDays, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(later.lake / f"examples/ds={DAYS[1]}")
    result = backfill_counts(later.backfill("ad"), dry_run=True)
    assert result.figures["missing"] == {f"{FIRST} to {THIRD} (2 days)": "ad"}
    assert result.figures["days_without_examples"] == 1
    assert f"left out, no examples: {SECOND}" in caplog.text


def test_only_days_without_examples_are_an_error(later: PastDays) -> None:
    with pytest.raises(DataError, match=r"(?s)none of the days has examples.*--start"):
        backfill_counts(later.backfill("ad", first=10, end=12))


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_vocabulary_is_needed_first(later: PastDays, dry_run: bool) -> None:
    shutil.rmtree(later.lake / "vocabulary")
    with pytest.raises(DataError, match=r"(?s)'site' has no vocabulary yet.*first day of"):
        backfill_counts(later.backfill("site"), dry_run)


def test_a_dry_run_counts_nothing(later: PastDays) -> None:
    before = fingerprints(later.lake)
    result = backfill_counts(later.backfill("ad", end=1), dry_run=True)
    assert result.headline == "1 missing (field, day) partitions would be counted"
    assert fingerprints(later.lake) == before


def test_a_thousand_fields_of_a_month_are_told_in_a_few_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Days without the fields, two that were never taken, and one that has the fields itself."""
    past = came_later(tmp_path)
    for number in (0, 1):
        write_traffic(past.lake, records(60, day=DAYS[number]), day=DAYS[number])
    ingest(past.context(1))
    days = [next_day(DAYS[0], number) for number in range(31)]
    for day in {*days} - set(DAYS[:2]) - set(DAYS[3:5]):
        shutil.copytree(past.lake / f"examples/ds={DAYS[1]}", past.lake / f"examples/ds={day}")
    fields = [
        {"name": f"f{number}", "encoding": "hash", "num_embeddings": 10, "column": "ad"}
        for number in range(1000)
    ]
    with_fields = context_of(past.lake, DAYS[0], fields=fields, **LENIENT)
    ingest(with_fields)
    config, interval = with_fields.config, Interval.of_days(days[0], next_day(days[-1]))
    result = backfill_counts(Backfill(config, config.fields, interval), dry_run=True)
    assert result.headline == "28,000 missing (field, day) partitions would be counted"
    assert result.figures["missing"] == {
        f"{SECOND} to {days[-1]} (28 days)": "f0, f1, f2 and 997 more"
    }
    assert result.figures["left_to_count_accesses"] == 1000
    assert [message.rpartition(": ")[2] for message in caplog.messages] == [
        f"{FOURTH}, {LAST}",
        f"f0 {FIRST}, f1 {FIRST}, f2 {FIRST} and 997 more",
    ]
    short = {name: value for name, value in result.figures.items() if name != "missing_days"}
    assert len(json.dumps(short)) < 500
    show(result, as_json=False)
    assert len(capsys.readouterr().out.splitlines()) < 20


def test_what_is_missing_is_told_for_who_plans_it(later: PastDays) -> None:
    backfill_counts(later.backfill("ad", first=1, end=2))
    days = (DAYS[0], DAYS[2])
    files = [later.lake / f"traffic/ds={day}/part-0.parquet" for day in days]
    expected = {
        "missing_days": [str(day) for day in days],
        "records": 2 * 240,
        "traffic_bytes": sum(path.stat().st_size for path in files),
    }
    for dry_run in (True, False):
        figures = backfill_counts(later.backfill("ad"), dry_run).figures
        assert {name: figures[name] for name in expected} == expected


def test_a_day_whose_traffic_is_gone_is_planned_all_the_same(later: PastDays) -> None:
    shutil.rmtree(later.lake / f"traffic/ds={DAYS[1]}")
    figures = backfill_counts(later.backfill("ad", first=1, end=2), dry_run=True).figures
    assert (figures["missing_days"], figures["traffic_bytes"]) == ([SECOND], 0)
