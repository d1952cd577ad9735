"""ingest, killed while it writes, then run again: as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobs.ingest import ingest
from tests.killed_jobs import BEFORE_THE_MARKER, kill_at_first_file, kill_in_writer, start_job

from .day_lake import DAY, context_of, data_files, document, fingerprints, records, write_traffic

pytestmark = [pytest.mark.spark, pytest.mark.slow]

FILES = 12
ONE_AT_A_TIME = {"master": "local[1]", "driver_memory": "512m"}


def traffic(lake: Path) -> None:
    for number in range(FILES):
        write_traffic(lake, records(2_000, seed=number), name=f"part-{number:02d}.parquet")


@pytest.mark.parametrize(
    ("dataset", "pattern"),
    [("examples", "part-*.parquet"), ("pending_values", "field=site/partial-*.parquet")],
)
@pytest.mark.usefixtures("spark")
def test_a_killed_ingest_is_repaired_by_running_it_again(
    tmp_path: Path, dataset: str, pattern: str
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    for lake in (undisturbed, killed):
        traffic(lake)
    ingest(context_of(undisturbed))
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(document(killed, spark=ONE_AT_A_TIME)))
    job = start_job("ingest", config, DAY)
    kill_at_first_file(job, killed / f"{dataset}/ds={DAY}", pattern)
    assert fingerprints(killed) == {}, "it was killed too late to prove anything"
    ingest(context_of(killed))
    assert fingerprints(killed) == fingerprints(undisturbed)
    for name in ("examples", "quarantine", "vocabulary", "pending_values"):
        assert len(data_files(killed, name)) == len(data_files(undisturbed, name)) > 0


@pytest.mark.parametrize("done", ["quarantine", "pending_values", "vocabulary"])
@pytest.mark.usefixtures("spark")
def test_an_ingest_killed_between_two_commits_is_repaired_by_running_it_again(
    tmp_path: Path, done: str
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    for lake in (undisturbed, killed):
        write_traffic(lake, records(500))
    ingest(context_of(undisturbed))
    order = ["quarantine", "pending_values", "vocabulary"]
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(document(killed, spark=ONE_AT_A_TIME)))
    arguments = ["ingest", "--config", str(config), "--date", str(DAY)]
    kill_in_writer(BEFORE_THE_MARKER, arguments, commits=order.index(done) + 1)
    committed = {name.split("/")[0] for name in fingerprints(killed)}
    assert committed == set(order[: order.index(done) + 1])
    ingest(context_of(killed))
    assert fingerprints(killed) == fingerprints(undisturbed)
