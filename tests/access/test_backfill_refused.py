"""What backfill-counts refuses to count: then nothing of that day is committed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jobs.backfill_counts
from jobs.backfill_counts import backfill_counts
from jobs.backfilling import Backfill
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from shark_core.config import PipelineConfig
from shark_core.errors import DataError, RetryableError
from shark_core.lake import MARKER_NAME
from shark_core.schemas import EXAMPLES
from tests.access.past_days import DAYS, PastDays, traffic
from tests.traffic.day_lake import write_traffic

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
pytest_plugins = ["tests.access.past_fixtures"]

Change = Callable[[pa.Table], pa.Table]


def nothing_is_left(past: PastDays, number: int, field: str = "ad") -> bool:
    folder = past.lake / f"access_counts/ds={DAYS[number]}/field={field}"
    return not any(folder.glob("*"))


def in_other_places(table: pa.Table) -> pa.Table:
    """The two quarantined records change places with others of which as many are positive."""
    labels = table["clicked"].to_pylist()
    order = list(range(table.num_rows))
    for refused, label in ((5, 0), (77, 1)):
        other = labels.index(label, 120)
        order[refused], order[other] = order[other], order[refused]
    return table.take(order)


def with_other_ids(table: pa.Table) -> pa.Table:
    index = table.schema.get_field_index("ad")
    return table.set_column(index, "ad", table["ad"].take([1, 0, *range(2, table.num_rows)]))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda table: table.slice(0, 239), id="other records"),
        pytest.param(in_other_places, id="the same records in other places"),
        pytest.param(with_other_ids, id="other ids"),
    ],
)
def test_traffic_that_changed_since_it_was_ingested(later: PastDays, change: Change) -> None:
    path = later.lake / f"traffic/ds={DAYS[1]}/part-0.parquet"
    write_traffic(later.lake, change(pq.read_table(path)), day=DAYS[1], row_group_size=70)
    with pytest.raises(DataError, match=rf"(?s)the traffic of {DAYS[1]} is not what.*content"):
        backfill_counts(later.backfill("ad"))
    assert nothing_is_left(later, 0)
    assert nothing_is_left(later, 1)


def test_traffic_without_the_column_before_anything_is_counted(later: PastDays) -> None:
    path = later.lake / f"traffic/ds={DAYS[2]}/part-0.parquet"
    pq.write_table(pq.read_table(path).drop(["ad"]), path)
    with pytest.raises(DataError, match=rf"(?s)column 'ad'.*no such column.*{DAYS[2]}"):
        backfill_counts(later.backfill("ad"))
    assert nothing_is_left(later, 0)


def with_label(backfill: Backfill, column: str) -> Backfill:
    label = backfill.config.label.model_copy(update={"column": column})
    config: PipelineConfig = backfill.config.model_copy(update={"label": label})
    return Backfill(config, backfill.fields, backfill.interval)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        pytest.param("age", r"have no label.*0 or 1 in column 'age'", id="no label"),
        pytest.param("clicked_later", r"is not what.*\(positives\)", id="other labels"),
    ],
)
def test_a_label_column_other_than_the_examples_were_made_with(
    later: PastDays, column: str, message: str
) -> None:
    path = later.lake / f"traffic/ds={DAYS[0]}/part-0.parquet"
    table = pq.read_table(path)
    table = table.append_column("clicked_later", pa.array([0] * table.num_rows))
    write_traffic(later.lake, table, day=DAYS[0])
    ingest(later.context(0))
    with pytest.raises(DataError, match=f"(?s){message}"):
        backfill_counts(with_label(later.backfill("ad", end=1), column))
    assert nothing_is_left(later, 0)


def test_a_quarantine_of_another_ingest_than_the_examples(later: PastDays) -> None:
    path = later.lake / f"quarantine/ds={DAYS[0]}" / MARKER_NAME
    marker = json.loads(path.read_text())
    marker["facts"]["quarantined"] = {"label_missing": 2}
    path.write_text(json.dumps(marker))
    with pytest.raises(
        DataError, match=r"(?s)quarantine of .* is of another ingest.*label_missing"
    ):
        backfill_counts(later.backfill("ad", end=1))
    assert nothing_is_left(later, 0)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_day_that_is_ingested_again_while_it_is_counted(
    later: PastDays, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """With the field: its counts are those of count-accesses, and stay what they are."""
    count = jobs.backfill_counts.count_past_day
    again = later.with_only(0, "ad")

    def ingest_again(now: str) -> None:
        if now == moment:
            ingest(again)
            count_accesses(again)

    def while_counting(*arguments: object) -> object:
        ingest_again("before")
        found = count(*arguments)
        ingest_again("after")
        return found

    monkeypatch.setattr(jobs.backfill_counts, "count_past_day", while_counting)
    with pytest.raises(
        RetryableError, match=r"(?s)was ingested again while.*run the command again"
    ):
        backfill_counts(later.backfill("ad", end=1))
    counts = later.counts_marker(0, "ad")
    assert counts.inputs == {"examples": again.marker(EXAMPLES).fingerprint}
    folder = later.lake / f"access_counts/ds={DAYS[0]}/field=ad"
    files = {path.name for path in folder.glob("*.parquet")}
    assert files == {entry.path.rpartition("/")[2] for entry in counts.files}


def test_what_looks_wrong_because_the_day_is_ingested_again_is_tried_again(
    later: PastDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = jobs.backfill_counts.count_past_day

    def after_other_traffic(*arguments: object) -> object:
        write_traffic(later.lake, traffic(DAYS[0], rows=300), day=DAYS[0])
        ingest(later.with_only(0, "tags"))
        return count(*arguments)

    monkeypatch.setattr(jobs.backfill_counts, "count_past_day", after_other_traffic)
    with pytest.raises(RetryableError, match="was ingested again while") as caught:
        backfill_counts(later.backfill("ad", end=1))
    assert isinstance(caught.value.__cause__, DataError)
    assert nothing_is_left(later, 0)


def test_traffic_under_other_names_is_refused(later: PastDays) -> None:
    """The quarantine names records by file and place."""
    path = later.lake / f"traffic/ds={DAYS[1]}/part-0.parquet"
    path.rename(path.with_name("part-1.parquet"))
    with pytest.raises(DataError, match=r"(?s)is not what the day's examples.*content"):
        backfill_counts(later.backfill("ad"))
