"""backfill-counts against a history in which the fields were there from the first day."""

from __future__ import annotations

import logging
import re
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.backfill_counts import backfill_counts
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from shark_core.errors import DataError
from shark_core.schemas import EXAMPLES, ROW_PRIORITY, VOCABULARY
from tests.access.past_days import (
    DAYS,
    FIRST_WITH_FIELDS,
    NEW,
    PastDays,
    always,
    came_later,
    traffic,
)
from tests.traffic.day_lake import fingerprints, table_of, write_traffic

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
pytest_plugins = ["tests.access.past_fixtures"]

BOUNDLESS = ("user", "ad", "tags")  # encodings that need no vocabulary
UNFIT = {5, 8, 100, 101}  # records whose user has no row, see `past_days.traffic`


def figures_of(past: PastDays, number: int, field: str) -> dict[str, int]:
    facts = past.counts_marker(number, field).facts
    return {name: facts[name] for name in ("positives", "negatives")}


def test_counts_equal_those_of_a_history_with_the_fields(
    history: PastDays, later: PastDays
) -> None:
    backfill_counts(later.backfill(*NEW))
    for number in range(FIRST_WITH_FIELDS):
        for field in BOUNDLESS:
            expected = history.counts(number, field)
            assert later.counts(number, field).equals(expected), (DAYS[number], field)
            assert figures_of(later, number, field) == figures_of(history, number, field)


def test_priorities_equal_those_of_a_history_with_the_fields(
    history: PastDays, later: PastDays
) -> None:
    backfill_counts(later.backfill(*NEW))
    later.run_day(len(DAYS) - 1)
    for field in BOUNDLESS:
        expected = table_of(history.present, ROW_PRIORITY, field=field)
        found = table_of(later.present, ROW_PRIORITY, field=field)
        assert found["row_id"].equals(expected["row_id"])
        priorities = expected["priority"].to_pylist()
        assert found["priority"].to_pylist() == pytest.approx(priorities, rel=1e-9)


def test_values_of_a_vocabulary_have_the_rows_of_its_first_day(later: PastDays) -> None:
    backfill_counts(later.backfill("site"))
    vocabulary = table_of(later.context(FIRST_WITH_FIELDS), VOCABULARY, field="site")
    rows = dict(zip(*(vocabulary[name].to_pylist() for name in ("value", "row_id")), strict=True))
    for number in range(FIRST_WITH_FIELDS):
        path = later.lake / f"traffic/ds={DAYS[number]}/part-0.parquet"
        expected: Counter[tuple[int, int]] = Counter()
        for place, record in enumerate(pq.read_table(path).to_pylist()):
            if record["clicked"] in (0, 1) and place not in UNFIT:
                expected[rows.get(record["site"], 0), record["clicked"]] += 1
        found = later.counts(number, "site").to_pylist()
        assert [(row["row_id"], row["positives"], row["negatives"]) for row in found] == [
            (row, expected[row, 1], expected[row, 0])
            for row in sorted({row for row, _ in expected})
        ]


def test_it_does_not_matter_in_which_order_and_with_whom_a_field_is_counted(
    later: PastDays, tmp_path: Path
) -> None:
    shutil.copytree(later.lake, tmp_path / "one_by_one")
    one_by_one = came_later(tmp_path / "one_by_one")
    backfill_counts(later.backfill(*NEW, end=2))
    for number, field in product((1, 0), ("tags", "site", "user", "ad")):
        backfill_counts(one_by_one.backfill(field, first=number, end=number + 1))
    assert fingerprints(one_by_one.lake) == fingerprints(later.lake)


def test_a_record_unfit_for_a_field_that_the_day_lacks_counts_for_none(later: PastDays) -> None:
    backfill_counts(later.backfill("ad", end=1))
    examples = later.context(0).marker(EXAMPLES).rows
    facts = later.counts_marker(0, "ad").facts
    assert facts["unfit"] == 3
    assert facts["positives"] + facts["negatives"] == examples - 3


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda table: table.drop(["user"]), id="no such column"),
        pytest.param(
            lambda table: table.set_column(4, "user", table["user"].cast(pa.float64())),
            id="not of its type",
        ),
    ],
)
def test_a_field_that_a_past_day_does_not_know_judges_none_of_its_records(
    tmp_path: Path, other: Callable[[pa.Table], pa.Table]
) -> None:
    past = came_later(tmp_path)
    table = traffic(DAYS[0])
    write_traffic(past.lake, table.slice(0, 120), day=DAYS[0])
    write_traffic(past.lake, other(table.slice(120)), day=DAYS[0], name="part-1.parquet")
    ingest(past.context(0))
    backfill_counts(past.backfill("ad", end=1))
    facts = past.counts_marker(0, "ad").facts
    assert facts["unfit"] == 0
    assert facts["positives"] + facts["negatives"] == past.context(0).marker(EXAMPLES).rows
    with pytest.raises(DataError, match=r"(?s)column 'user'.*expected integers.*part-1"):
        backfill_counts(past.backfill("user", end=1))


AS_MANY_TYPES: dict[str, Callable[[list[Any]], pa.Array]] = {
    "integers": lambda ids: pa.array(ids),
    "texts": lambda ids: pa.array([str(i) for i in ids]),
    "nulls": lambda ids: pa.nulls(len(ids)),
    "huge": lambda ids: pa.array([2**63 + i for i in ids], pa.uint64()),
    "booleans": lambda ids: pa.array([i % 2 == 0 for i in ids]),
    "dictionary": lambda ids: pa.array([str(i) for i in ids]).dictionary_encode(),
    "bytes": lambda ids: pa.array(ids, pa.int8()),
}


def test_files_of_a_day_may_hold_a_column_as_other_types(tmp_path: Path) -> None:
    """Each file's `ad`, and the elements of its `tags`, are of another type."""
    expected, past = always(tmp_path / "always"), came_later(tmp_path / "later")
    for number, (name, typed) in enumerate(AS_MANY_TYPES.items()):
        table = traffic(DAYS[0]).slice(30 * number, 30)
        table = table.set_column(5, "ad", typed([i % 7 for i in range(30)]))
        elements = typed([i % 5 for i in range(60)])
        tags = pa.ListArray.from_arrays(pa.array(range(0, 61, 2), pa.int32()), elements)
        table = table.set_column(7, "tags", pa.nulls(30) if name == "nulls" else tags)
        for lake in (expected.lake, past.lake):
            write_traffic(lake, table, day=DAYS[0], name=f"{number}-{name}.parquet")
    for job in (ingest, count_accesses):
        job(expected.context(0))
    ingest(past.context(0))
    backfill_counts(past.backfill(*BOUNDLESS, end=1))
    for field in BOUNDLESS:
        assert past.counts(0, field).equals(expected.counts(0, field)), field


def test_the_log_says_what_came_in_and_what_went_out(
    later: PastDays, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shark")
    backfill_counts(later.backfill("ad", "tags", end=2))
    markers = [later.counts_marker(day, field) for day in (0, 1) for field in ("ad", "tags")]
    rows, size = (sum(getattr(marker, what) for marker in markers) for what in ("rows", "bytes"))
    line = rf"backfill-counts: 480 records in, {rows} rows out, {size} bytes, \d+\.\d s"
    assert re.fullmatch(line, caplog.messages[-1])
