"""backfill-counts as a process: killed in the middle, and beside the day's own jobs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from jobs.backfill_counts import backfill_counts
from jobs.ingest import ingest
from shark_core.schemas import ACCESS_COUNTS, ROW_PRIORITY
from tests.access.past_days import DAYS, FIRST_WITH_FIELDS, PastDays, came_later
from tests.killed_jobs import BEFORE_THE_MARKER, kill_in_writer, start_command, start_job
from tests.traffic.day_lake import LENIENT, data_files, document, fingerprints, table_of

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.usefixtures("spark")]

FIELDS = ("user", "ad", "tags")
DAILY_JOBS = ("ingest", "count-accesses", "update-priorities")


def config_file(past: PastDays) -> Path:
    path = past.lake.parent / f"{past.lake.name}.yaml"
    spark = {"master": "local[1]", "driver_memory": "512m"}
    path.write_text(yaml.safe_dump(document(past.lake, spark=spark, **LENIENT)))
    return path


def arguments(past: PastDays, first: int = 0, end: int = FIRST_WITH_FIELDS) -> list[str]:
    days = ["--start", str(DAYS[first]), "--end", str(DAYS[end])]
    fields = ["--fields", ",".join(FIELDS)]
    return ["backfill-counts", "--config", str(config_file(past)), *fields, *days]


def ingested(lake: Path) -> PastDays:
    past = came_later(lake)
    past.write_traffic()
    for number in range(FIRST_WITH_FIELDS):
        ingest(past.context(number))
    return past


def counts(past: PastDays) -> dict[str, str]:
    return {name: text for name, text in fingerprints(past.lake).items() if "access_counts" in name}


def test_a_killed_backfill_goes_on_where_it_stopped(tmp_path: Path) -> None:
    undisturbed, killed = ingested(tmp_path / "undisturbed"), ingested(tmp_path / "killed")
    backfill_counts(undisturbed.backfill(*FIELDS))
    kill_in_writer(BEFORE_THE_MARKER, arguments(killed), commits=4)
    done = counts(killed)
    assert 0 < len(done) < len(FIELDS) * FIRST_WITH_FIELDS
    result = backfill_counts(killed.backfill(*FIELDS))
    assert result.figures["counted_before"] == len(done)
    assert counts(killed) == counts(undisturbed)
    files = [len(data_files(past.lake, ACCESS_COUNTS.name)) for past in (killed, undisturbed)]
    assert files[0] == files[1]


def before_the_fields(lake: Path) -> PastDays:
    """The days without the fields are done."""
    past = came_later(lake)
    past.write_traffic()
    for number in range(FIRST_WITH_FIELDS):
        past.run_day(number)
    return past


def finish(job: subprocess.Popen[bytes]) -> None:
    said = job.communicate(timeout=120)[1]
    assert job.returncode == 0, said.decode()


def test_a_backfill_beside_the_jobs_of_the_day_changes_neither(tmp_path: Path) -> None:
    """One past day beside each job of the fields' first day; the next day takes all of them in."""
    one_by_one = before_the_fields(tmp_path / "one_by_one")
    backfill_counts(one_by_one.backfill(*FIELDS))
    one_by_one.run_day(3)

    beside = before_the_fields(tmp_path / "beside")
    for number, verb in enumerate(DAILY_JOBS):
        both = (
            start_command(arguments(beside, number, number + 1)),
            start_job(verb, config_file(beside), DAYS[3]),
        )
        for job in both:
            finish(job)

    assert counts(beside) == counts(one_by_one)
    for past in (one_by_one, beside):
        past.run_day(4)
    for field in beside.context(4).config.fields:
        expected, found = (
            table_of(past.context(4), ROW_PRIORITY, field=field.name)
            for past in (one_by_one, beside)
        )
        assert found["row_id"].equals(expected["row_id"])
        priorities = expected["priority"].to_pylist()
        assert found["priority"].to_pylist() == pytest.approx(priorities, rel=1e-9)
