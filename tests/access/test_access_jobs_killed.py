"""count-accesses and update-priorities, killed while they write, then run again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from jobs.update_priorities import update_priorities
from tests.killed_jobs import kill_at_first_file, start_job
from tests.traffic.day_lake import (
    DAY,
    context_of,
    data_files,
    document,
    fingerprints,
    records,
    write_traffic,
)

pytestmark = [pytest.mark.spark, pytest.mark.slow]

FIELDS = [
    {"name": f"ad{number}", "column": "ad", "encoding": "hash", "num_embeddings": 1000}
    for number in range(24)
]
JOBS = [("count-accesses", "access_counts"), ("update-priorities", "row_priority")]


@pytest.mark.parametrize(("verb", "dataset"), JOBS)
@pytest.mark.usefixtures("spark")
def test_a_killed_job_is_repaired_by_running_it_again(
    tmp_path: Path, verb: str, dataset: str
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    for lake in (undisturbed, killed):
        write_traffic(lake, records(2000))
        ingest(context_of(lake, fields=FIELDS))
        if verb == "update-priorities":
            count_accesses(context_of(lake, fields=FIELDS))
    run = {"count-accesses": count_accesses, "update-priorities": update_priorities}[verb]
    run(context_of(undisturbed, fields=FIELDS))
    config = tmp_path / "config.yaml"
    spark = {"master": "local[1]", "driver_memory": "512m"}
    config.write_text(yaml.safe_dump(document(killed, fields=FIELDS, spark=spark)))
    job = start_job(verb, config, DAY)
    kill_at_first_file(job, killed / f"{dataset}/ds={DAY}", "field=*/part-*.parquet")
    done = [name for name in fingerprints(killed) if name.startswith(dataset)]
    assert len(done) < len(FIELDS), "it was killed too late to prove anything"
    run(context_of(killed, fields=FIELDS))
    assert fingerprints(killed) == fingerprints(undisturbed)
    assert len(data_files(killed, dataset)) == len(data_files(undisturbed, dataset))
