"""backfill-examples as processes: killed in the middle, and several at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobs.backfill_examples import backfill_examples
from jobs.ingest import ingest
from tests.access.past_days import BRANCH, DAYS, FIRST_WITH_FIELDS, PastDays, came_later
from tests.killed_jobs import BEFORE_THE_MARKER, kill_in_writer, start_command
from tests.traffic.day_lake import LENIENT, data_files, document, fingerprints

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.usefixtures("spark")]

FIELDS = ("user", "ad", "tags")


def ingested(lake: Path) -> PastDays:
    past = came_later(lake)
    past.write_traffic()
    for number in range(FIRST_WITH_FIELDS):
        ingest(past.context(number))
    return past


@pytest.fixture
def undisturbed(tmp_path: Path) -> PastDays:
    past = ingested(tmp_path / "undisturbed")
    backfill_examples(past.completing(*FIELDS))
    return past


def arguments(past: PastDays, first: int = 0, end: int = FIRST_WITH_FIELDS) -> list[str]:
    config = past.lake.parent / f"{past.lake.name}.yaml"
    spark = {"master": "local[1]", "driver_memory": "512m"}
    config.write_text(yaml.safe_dump(document(past.lake, spark=spark, **LENIENT)))
    days = ["--start", str(DAYS[first]), "--end", str(DAYS[end])]
    what = ["--fields", ",".join(FIELDS), "--branch", BRANCH]
    return ["backfill-examples", "--config", str(config), *what, *days]


def test_a_killed_backfill_goes_on_where_it_stopped(tmp_path: Path, undisturbed: PastDays) -> None:
    killed = ingested(tmp_path / "killed")
    kill_in_writer(BEFORE_THE_MARKER, arguments(killed), commits=1)
    assert [bool(killed.completed_marker(day)) for day in range(3)] == [True, False, False]
    result = backfill_examples(killed.completing(*FIELDS))
    assert result.figures["made_before"] == 1
    assert fingerprints(killed.lake) == fingerprints(undisturbed.lake)
    files = [len(data_files(past.lake, "branches")) for past in (killed, undisturbed)]
    assert files[0] == files[1]


def test_days_may_be_made_at_the_same_time(tmp_path: Path, undisturbed: PastDays) -> None:
    beside = ingested(tmp_path / "beside")
    for job in [start_command(arguments(beside, day, day + 1)) for day in range(3)]:
        said = job.communicate(timeout=300)[1]
        assert job.returncode == 0, said.decode()
    assert fingerprints(beside.lake) == fingerprints(undisturbed.lake)
