"""backfill-examples against a history in which the fields were there from the first day."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable
from functools import partial
from itertools import permutations
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jobs.ingest
import shark_core.access.past_splits
from jobs.backfill_counts import backfill_counts
from jobs.backfill_examples import backfill_examples
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from shark_core.lake import Marker
from shark_core.schemas import ACCESS_COUNTS, VOCABULARY, examples_schema
from shark_core.traffic.traffic_files import plan_splits
from tests.access.past_days import (
    DAYS,
    FIRST_WITH_FIELDS,
    NEW,
    PastDays,
    came_later,
    files_of,
    traffic,
)
from tests.traffic.day_lake import fingerprints, table_of, write_traffic

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
pytest_plugins = ["tests.access.past_fixtures"]

PAST = range(FIRST_WITH_FIELDS)
FROM_THE_DAY = ["label", "event_time", "dense_price", "dense_age", "field_topics"]
BOUNDLESS = ["field_user", "field_ad", "field_tags"]  # encodings that need no vocabulary
UNFIT = {8, 100, 101}  # records whose user has no row; the day took them, see `past_days.traffic`
REFUSED = {5, 77}  # records that the day did not take


def marker_of(past: PastDays, number: int) -> Marker:
    marker = past.completed_marker(number)
    assert marker is not None
    return marker


def without_unfit(examples: pa.Table) -> pa.Table:
    places = [place for place in range(240) if place not in REFUSED]
    return examples.filter(pa.array([place not in UNFIT for place in places]))


def test_rows_of_the_new_fields_are_those_of_a_history_with_them(
    history: PastDays, later: PastDays
) -> None:
    backfill_examples(later.completing(*NEW))
    for number in PAST:
        columns = ["event_time", *BOUNDLESS]
        assert (
            later.completed(number).select(columns).equals(history.examples(number).select(columns))
        )


def test_everything_else_is_as_the_day_has_it(later: PastDays) -> None:
    backfill_examples(later.completing(*NEW))
    for number in PAST:
        expected = without_unfit(later.examples(number)).select(FROM_THE_DAY)
        assert later.completed(number).select(FROM_THE_DAY).equals(expected)


def test_columns_and_types_are_those_of_the_config(later: PastDays) -> None:
    backfill_examples(later.completing(*NEW))
    schema = examples_schema(later.on_branch(0).config)
    for entry in marker_of(later, 0).files:
        assert pq.read_schema(later.lake / entry.path).equals(schema)


def test_values_of_a_vocabulary_have_the_rows_of_its_first_day(later: PastDays) -> None:
    backfill_examples(later.completing("site"))
    vocabulary = table_of(later.context(FIRST_WITH_FIELDS), VOCABULARY, field="site")
    rows = dict(zip(*(vocabulary[name].to_pylist() for name in ("value", "row_id")), strict=True))
    for number in PAST:
        path = later.lake / f"traffic/ds={DAYS[number]}/part-0.parquet"
        expected = [
            rows.get(record["site"], 0)
            for place, record in enumerate(pq.read_table(path).to_pylist())
            if place not in UNFIT | REFUSED
        ]
        assert 0 in expected
        assert later.completed(number)["field_site"].to_pylist() == expected


def test_counts_of_the_branchs_examples_are_those_of_backfill_counts(later: PastDays) -> None:
    backfill_counts(later.backfill(*NEW))
    backfill_examples(later.completing(*NEW))
    for number in PAST:
        context = later.on_branch(number)
        count_accesses(context)
        for field in NEW:
            assert context.lake.find_own_marker(context.partition(ACCESS_COUNTS, field=field))
            found = table_of(context, ACCESS_COUNTS, field=field)
            assert found.equals(later.counts(number, field)), (DAYS[number], field)


def test_the_lake_itself_stays_as_it_is(later: PastDays) -> None:
    before = files_of(later.lake)
    backfill_examples(later.completing(*NEW))
    assert later.completed_marker(0)
    assert files_of(later.lake) == before


def test_records_are_examples_or_in_quarantine_or_unfit(later: PastDays) -> None:
    result = backfill_examples(later.completing("ad"))
    assert result.figures["unfit"] == 3 * len(UNFIT)
    facts = marker_of(later, 0).facts
    assert facts["unfit"] == len(UNFIT)
    assert facts["examples"] == marker_of(later, 0).rows
    assert facts["positives"] == sum(later.completed(0)["label"].to_pylist())
    quarantined = sum(facts["quarantined"].values())
    assert facts["records"] == facts["examples"] + quarantined + facts["unfit"] == 240


def test_the_marker_says_which_table_the_rows_are_of(later: PastDays) -> None:
    backfill_examples(later.completing("ad", end=1))
    assert marker_of(later, 0).facts["row_assignments"] == {
        "ad": "hash into 101",
        "topics": "vocabulary",
    }


def test_it_does_not_matter_in_which_order_fields_are_added(
    later: PastDays, tmp_path: Path
) -> None:
    for order in permutations(("user", "ad", "site")):
        shutil.copytree(later.lake, tmp_path / "_".join(order))
        past = came_later(tmp_path / "_".join(order))
        for name in order:
            backfill_examples(past.completing(name, end=1))
    backfill_examples(later.completing("user", "ad", "site", end=1))
    expected = fingerprints(later.lake)
    for order in permutations(("user", "ad", "site")):
        assert fingerprints(tmp_path / "_".join(order)) == expected, order


def test_days_one_by_one_are_the_same_as_together(later: PastDays, tmp_path: Path) -> None:
    shutil.copytree(later.lake, tmp_path / "one_by_one")
    one_by_one = came_later(tmp_path / "one_by_one")
    backfill_examples(later.completing(*NEW))
    for number in reversed(PAST):
        backfill_examples(one_by_one.completing(*NEW, first=number, end=number + 1))
    assert fingerprints(one_by_one.lake) == fingerprints(later.lake)


def cut_into(monkeypatch: pytest.MonkeyPatch, module: object, rows: int) -> None:
    monkeypatch.setattr(module, "plan_splits", partial(plan_splits, split_rows=rows))


@pytest.mark.parametrize(("then", "now"), [(1000, 70), (70, 140), (140, 70)])
def test_splits_may_be_others_than_those_that_the_day_was_ingested_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: int, now: int
) -> None:
    past = came_later(tmp_path)
    write_traffic(past.lake, traffic(DAYS[0]), day=DAYS[0], row_group_size=70)
    write_traffic(
        past.lake, traffic(DAYS[0]), day=DAYS[0], row_group_size=70, name="part-1.parquet"
    )
    cut_into(monkeypatch, jobs.ingest, then)
    ingest(past.context(0))
    cut_into(monkeypatch, shark_core.access.past_splits, now)
    backfill_examples(past.completing("ad", "tags", end=1))
    other = came_later(tmp_path / "other")
    write_traffic(other.lake, traffic(DAYS[0]), day=DAYS[0], row_group_size=70)
    ingest(other.context(0))
    backfill_examples(other.completing("ad", "tags", end=1))
    columns = ["label", "event_time", "dense_age", "field_ad", "field_tags"]
    twice = pa.concat_tables([other.completed(0)] * 2).select(columns)
    assert past.completed(0).select(columns).combine_chunks().equals(twice.combine_chunks())


def with_column(cast: Callable[[pa.Array], pa.Array]) -> pa.Table:
    table = traffic(DAYS[0])
    return table.set_column(4, "user", cast(table["user"]))


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(traffic(DAYS[0]).drop(["user"]), id="no such column"),
        pytest.param(with_column(lambda user: user.cast(pa.float64())), id="not of its type"),
    ],
)
def test_a_field_that_a_past_day_does_not_know_leaves_none_of_its_records_out(
    tmp_path: Path, table: pa.Table
) -> None:
    past = came_later(tmp_path)
    write_traffic(past.lake, table, day=DAYS[0])
    ingest(past.context(0))
    backfill_examples(past.completing("ad", end=1))
    assert marker_of(past, 0).facts["unfit"] == 0
    assert past.completed(0).num_rows == past.examples(0).num_rows


def test_the_log_says_what_came_in_and_what_went_out(
    later: PastDays, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shark")
    backfill_examples(later.completing(*NEW, end=2))
    markers = [marker_of(later, number) for number in (0, 1)]
    rows, size = (sum(getattr(marker, what) for marker in markers) for what in ("rows", "bytes"))
    line = rf"backfill-examples: 480 records in, {rows} examples out, {size} bytes, \d+\.\d s"
    assert re.fullmatch(line, caplog.messages[-1])
    assert f"{DAYS[0]}: 235 examples, 3 more were unfit for the fields" in caplog.messages
