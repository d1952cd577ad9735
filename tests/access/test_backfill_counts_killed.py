"""backfill-counts as a process: killed in the middle, and beside the day's own jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobs.backfill_counts import backfill_counts
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from shark_core.schemas import ACCESS_COUNTS
from tests.access.past_days import DAYS, FIRST_WITH_FIELDS, PastDays, came_later
from tests.killed_jobs import BEFORE_THE_MARKER, kill_in_writer, start_command, start_job
from tests.traffic.day_lake import LENIENT, data_files, document, fingerprints

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.usefixtures("spark")]

FIELDS = ("user", "ad", "tags")


def config_file(past: PastDays) -> Path:
    path = past.lake.parent / f"{past.lake.name}.yaml"
    spark = {"master": "local[1]", "driver_memory": "512m"}
    path.write_text(yaml.safe_dump(document(past.lake, spark=spark, **LENIENT)))
    return path


def arguments(past: PastDays) -> list[str]:
    days = ["--start", str(DAYS[0]), "--end", str(DAYS[FIRST_WITH_FIELDS])]
    fields = ["--fields", ",".join(FIELDS)]
    return ["backfill-counts", "--config", str(config_file(past)), *fields, *days]


def ingested(lake: Path) -> PastDays:
    past = came_later(lake)
    past.write_traffic()
    for number in range(FIRST_WITH_FIELDS + 1):
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


def test_a_backfill_beside_the_jobs_of_the_day_changes_neither(tmp_path: Path) -> None:
    one_by_one, beside = ingested(tmp_path / "one_by_one"), ingested(tmp_path / "beside")
    jobs = [
        start_command(arguments(beside)),
        start_job("count-accesses", config_file(beside), DAYS[FIRST_WITH_FIELDS]),
    ]
    for job in jobs:
        said = job.communicate(timeout=120)[1]
        assert job.returncode == 0, said.decode()
    backfill_counts(one_by_one.backfill(*FIELDS))
    count_accesses(one_by_one.context(FIRST_WITH_FIELDS))
    assert counts(beside) == counts(one_by_one)
