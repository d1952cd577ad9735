"""What backfill-examples refuses to complete: then nothing of that day is on the branch."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jobs.backfill_examples
from jobs.backfill_examples import backfill_examples
from jobs.backfilling import Backfill
from jobs.ingest import ingest
from shark_core.errors import DataError, RetryableError
from shark_core.lake import MARKER_NAME
from shark_core.schemas import EXAMPLES
from tests.access.past_days import DAYS, PastDays, traffic
from tests.traffic.day_lake import with_values, write_traffic

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
pytest_plugins = ["tests.access.past_fixtures"]


def nothing_is_left(past: PastDays) -> bool:
    return not any(path.is_file() for path in (past.lake / "branches").rglob("*"))


def test_traffic_that_changed_since_it_was_ingested(later: PastDays) -> None:
    path = later.lake / f"traffic/ds={DAYS[1]}/part-0.parquet"
    table = pq.read_table(path)
    write_traffic(later.lake, table.take([1, 0, *range(2, 240)]), day=DAYS[1], row_group_size=70)
    with pytest.raises(DataError, match=rf"(?s)the traffic of {DAYS[1]} is not what.*content"):
        backfill_examples(later.completing("ad"))
    assert nothing_is_left(later)


def test_traffic_that_is_gone(later: PastDays) -> None:
    shutil.rmtree(later.lake / f"traffic/ds={DAYS[1]}")
    with pytest.raises(DataError, match=rf"(?s)the day has no traffic.*{DAYS[1]}"):
        backfill_examples(later.completing("ad"))
    assert nothing_is_left(later)


def test_traffic_without_the_column(later: PastDays) -> None:
    write_traffic(later.lake, traffic(DAYS[2]).drop(["ad"]), day=DAYS[2])
    ingest(later.context(2))
    with pytest.raises(DataError, match=rf"(?s)column 'ad'.*no such column.*{DAYS[2]}"):
        backfill_examples(later.completing("ad"))
    assert nothing_is_left(later)


def with_label(backfill: Backfill, column: str) -> Backfill:
    label = backfill.config.label.model_copy(update={"column": column})
    return replace(backfill, config=backfill.config.model_copy(update={"label": label}))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        pytest.param("age", r"have no label.*0 or 1 in column 'age'", id="no label"),
        pytest.param("clicked_later", r"2 records .* another label.*label\.column", id="others"),
    ],
)
def test_labels_that_are_not_those_of_the_examples(
    later: PastDays, column: str, message: str
) -> None:
    """As many of them are positive: two records have changed places."""
    table = traffic(DAYS[0])
    labels = with_values(table, "clicked", {0: 0, 1: 1})["clicked"]
    write_traffic(later.lake, table.append_column("clicked_later", labels), day=DAYS[0])
    ingest(later.context(0))
    with pytest.raises(DataError, match=f"(?s){message}"):
        backfill_examples(with_label(later.completing("ad", end=1), column))
    assert nothing_is_left(later)


def test_a_day_of_which_ingest_would_have_refused_too_much(later: PastDays) -> None:
    strict = later.completing("user", end=1)
    limit = strict.config.ingest.model_copy(update={"max_quarantined_share": 0.02})
    config = strict.config.model_copy(update={"ingest": limit})
    with pytest.raises(DataError, match=r"(?s)5 of 240 records.*unfit for the fields: 3"):
        backfill_examples(replace(strict, config=config))
    assert nothing_is_left(later)


def test_a_day_of_which_nothing_fits(later: PastDays) -> None:
    table = traffic(DAYS[0])
    index = table.schema.get_field_index("user")
    write_traffic(later.lake, table.set_column(index, "user", pa.array([999] * 240)), day=DAYS[0])
    ingest(later.context(0))
    backfill = later.completing("user", end=1)
    everything = backfill.config.ingest.model_copy(update={"max_quarantined_share": 1.0})
    config = backfill.config.model_copy(update={"ingest": everything})
    with pytest.raises(DataError, match="examples of one label only"):
        backfill_examples(replace(backfill, config=config))
    assert nothing_is_left(later)


def test_examples_that_are_not_as_many_as_the_traffic_says(later: PastDays) -> None:
    path = later.lake / f"examples/ds={DAYS[0]}" / MARKER_NAME
    marker = json.loads(path.read_text())
    marker["files"][0]["rows"] -= 1
    path.write_text(json.dumps(marker))
    with pytest.raises(DataError, match=r"(?s)expected: 237 \(examples\).*found: +238"):
        backfill_examples(later.completing("ad", end=1))
    assert nothing_is_left(later)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_day_that_is_ingested_again_while_it_is_completed(
    later: PastDays, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    complete = jobs.backfill_examples.complete_past_day

    def ingest_again(now: str) -> None:
        if now == moment:
            write_traffic(later.lake, traffic(DAYS[0], rows=300), day=DAYS[0])
            ingest(later.with_only(0, "tags"))

    def while_completing(*arguments: object) -> object:
        ingest_again("before")
        done = complete(*arguments)
        ingest_again("after")
        return done

    monkeypatch.setattr(jobs.backfill_examples, "complete_past_day", while_completing)
    with pytest.raises(RetryableError, match=r"(?s)was ingested again while.*run the command"):
        backfill_examples(later.completing("ad", end=1))
    assert nothing_is_left(later)
    monkeypatch.undo()
    backfill_examples(later.completing("ad", end=1))
    present = later.context(0).marker(EXAMPLES).fingerprint
    made = later.completed_marker(0)
    assert made is not None
    assert made.inputs["examples"] == present
