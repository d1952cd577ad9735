from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.backfill_counts import backfill_counts
from jobs.context import DayContext
from shark_core.errors import DataError
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, ROW_PRIORITY, VOCABULARY
from tests.access.past_days import DAYS, FIRST_WITH_FIELDS, NEW, PastDays, always, came_later
from tests.traffic.day_lake import fingerprints, table_of, write_traffic

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]

BOUNDLESS = ("user", "ad", "tags")  # encodings that need no vocabulary


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory, spark: object) -> tuple[PastDays, PastDays]:
    """Five days with the fields, and five days of which the first three are without them."""
    made = (always(tmp_path_factory.mktemp("always")), came_later(tmp_path_factory.mktemp("later")))
    for past in made:
        past.write_traffic()
        for number in range(len(DAYS)):
            past.run_day(number)
    return made


@pytest.fixture
def later(lakes: tuple[PastDays, PastDays], tmp_path: Path) -> PastDays:
    """A copy of the lake in which the fields came later."""
    shutil.copytree(lakes[1].lake, tmp_path / "lake")
    return came_later(tmp_path / "lake")


def figures_of(context: DayContext, field: str) -> dict[str, int]:
    facts = context.marker(ACCESS_COUNTS, field=field).facts
    return {name: facts[name] for name in ("positives", "negatives")}


def test_counts_equal_those_of_a_history_with_the_fields(
    lakes: tuple[PastDays, PastDays], later: PastDays
) -> None:
    backfill_counts(later.backfill(*NEW))
    for number in range(FIRST_WITH_FIELDS):
        for field in BOUNDLESS:
            expected = table_of(lakes[0].context(number), ACCESS_COUNTS, field=field)
            found = table_of(later.context(number), ACCESS_COUNTS, field=field)
            assert found.equals(expected), (DAYS[number], field)
            assert figures_of(later.context(number), field) == figures_of(
                lakes[0].context(number), field
            )


def test_priorities_equal_those_of_a_history_with_the_fields(
    lakes: tuple[PastDays, PastDays], later: PastDays
) -> None:
    backfill_counts(later.backfill(*NEW))
    later.run_day(len(DAYS) - 1)
    for field in BOUNDLESS:
        expected = table_of(lakes[0].present, ROW_PRIORITY, field=field)
        found = table_of(later.present, ROW_PRIORITY, field=field)
        assert found["row_id"].equals(expected["row_id"])
        priorities = expected["priority"].to_pylist()
        assert found["priority"].to_pylist() == pytest.approx(priorities, rel=1e-9)


def test_values_of_a_vocabulary_have_the_rows_of_its_first_day(
    lakes: tuple[PastDays, PastDays], later: PastDays
) -> None:
    backfill_counts(later.backfill("site"))
    vocabulary = table_of(later.context(FIRST_WITH_FIELDS), VOCABULARY, field="site")
    rows = dict(zip(*(vocabulary[name].to_pylist() for name in ("value", "row_id")), strict=True))
    for number in range(FIRST_WITH_FIELDS):
        path = later.lake / f"traffic/ds={DAYS[number]}/part-0.parquet"
        expected: Counter[tuple[int, int]] = Counter()
        for record in pq.read_table(path).to_pylist():
            if record["clicked"] in (0, 1):
                expected[rows.get(record["site"], 0), record["clicked"]] += 1
        found = table_of(later.context(number), ACCESS_COUNTS, field="site").to_pylist()
        assert [(row["row_id"], row["positives"], row["negatives"]) for row in found] == [
            (row, expected[row, 1], expected[row, 0])
            for row in sorted({row for row, _ in expected})
        ]


def test_a_record_unfit_for_one_of_the_fields_counts_for_none(later: PastDays) -> None:
    backfill_counts(later.backfill("ad", "user", end=1))
    backfill_counts(later.backfill("tags", end=1))
    examples = later.context(0).marker(EXAMPLES).rows
    together = later.context(0).marker(ACCESS_COUNTS, field="ad").facts
    assert together["unfit"] == 3
    assert together["positives"] + together["negatives"] == examples - 3
    assert later.context(0).marker(ACCESS_COUNTS, field="tags").facts["unfit"] == 0


def test_only_what_is_missing_is_counted(later: PastDays) -> None:
    backfill_counts(later.backfill("ad", end=2))
    before = {path: path.stat().st_mtime_ns for path in later.lake.rglob("_marker.json")}
    result = backfill_counts(later.backfill("ad", "tags"))
    assert result.figures["missing"] == {
        str(DAYS[0]): ["tags"],
        str(DAYS[1]): ["tags"],
        str(DAYS[2]): ["ad", "tags"],
    }
    assert result.figures["counted_before"] == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert backfill_counts(later.backfill("ad", "tags")).figures["missing"] == {}


def test_days_whose_examples_have_the_field_are_left_to_count_accesses(later: PastDays) -> None:
    shutil.rmtree(later.lake / f"access_counts/ds={DAYS[3]}/field=ad")
    result = backfill_counts(later.backfill("ad", first=2, end=5))
    assert list(result.figures["missing"]) == [str(DAYS[2])]
    assert result.figures["left_to_count_accesses"] == 1
    assert result.figures["counted_before"] == 1


def test_days_without_examples_are_left_out_and_said(
    later: PastDays, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(later.lake / f"examples/ds={DAYS[1]}")
    result = backfill_counts(later.backfill("ad"))
    assert list(result.figures["missing"]) == [str(DAYS[0]), str(DAYS[2])]
    assert result.figures["days_without_examples"] == 1
    assert f"left out, no examples: {DAYS[1]}" in caplog.text


def test_only_days_without_examples_are_an_error(later: PastDays) -> None:
    with pytest.raises(DataError, match=r"(?s)none of the days has examples.*--start"):
        backfill_counts(later.backfill("ad", first=10, end=12))


def test_a_vocabulary_is_needed_first(later: PastDays) -> None:
    shutil.rmtree(later.lake / "vocabulary")
    with pytest.raises(DataError, match=r"(?s)'site' has no vocabulary yet.*first day of"):
        backfill_counts(later.backfill("site"))


def test_a_dry_run_counts_nothing(later: PastDays) -> None:
    before = fingerprints(later.lake)
    result = backfill_counts(later.backfill("ad", end=1), dry_run=True)
    assert result.headline == "1 missing (field, day) partitions would be counted"
    assert fingerprints(later.lake) == before


def test_traffic_without_the_column_is_refused_before_anything_is_counted(
    later: PastDays,
) -> None:
    path = later.lake / f"traffic/ds={DAYS[2]}/part-0.parquet"
    pq.write_table(pq.read_table(path).drop(["ad"]), path)
    with pytest.raises(DataError, match=rf"(?s)column 'ad'.*no such column.*{DAYS[2]}"):
        backfill_counts(later.backfill("ad"))
    assert not list((later.lake / f"access_counts/ds={DAYS[0]}/field=ad").glob("*"))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(lambda table: table.slice(0, 239), "239", id="other records"),
        pytest.param(
            lambda table: table.set_column(
                0, "clicked", table["clicked"].take([*range(1, 240), 0])
            ),
            "positives",
            id="other labels",
        ),
    ],
)
def test_traffic_that_changed_since_it_was_ingested_is_refused(
    later: PastDays, change: Callable[[pa.Table], pa.Table], found: str
) -> None:
    path = later.lake / f"traffic/ds={DAYS[1]}/part-0.parquet"
    write_traffic(later.lake, change(pq.read_table(path)), day=DAYS[1])
    with pytest.raises(DataError, match=rf"(?s)is not what the day's examples.*{found}"):
        backfill_counts(later.backfill("ad"))
    assert not list((later.lake / f"access_counts/ds={DAYS[1]}/field=ad").glob("*.parquet"))
