"""The way from traffic to priorities on a lake in a bucket, by the commands that users run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from jobs.backfill_counts import backfill_counts
from jobs.backfill_examples import backfill_examples
from jobs.backfilling import Backfill
from jobs.context import DayContext
from jobs.count_accesses import count_accesses
from jobs.generate import Amount, generate
from jobs.ingest import ingest
from jobs.update_priorities import update_priorities
from shark_core.config import parse_config
from shark_core.interval import Interval
from shark_core.lake import MARKER_NAME
from tests.lake_places import Bucket, Folder, Place, fingerprints, marker_at
from tests.moto_s3 import ACCESS_KEY, SECRET, new_bucket, s3_environment
from tests.traffic.day_lake import DAY, document, next_day, records, tiny_config

pytest_plugins = ["tests.lake_fixtures"]

VERBS = ("ingest", "count-accesses", "update-priorities")
SPARK = {"master": "local[1]", "driver_memory": "512m"}
NEW = {"name": "page", "column": "site", "encoding": "hash", "num_embeddings": 10}
BRANCH = "with-page"
BACKFILLED = (f"access_counts/ds={DAY}/field=page", f"branches/{BRANCH}/examples/ds={DAY}")
IN_ONE_PROCESS = """
import json, sys
from jobs.cli import app
for command in json.loads(sys.argv[1]):
    app(command, standalone_mode=False)
"""


def put_traffic(place: Place) -> None:
    """Two files, as a user's own job leaves them: without a marker."""
    table = records(600)
    for number, part in enumerate((table.slice(0, 350), table.slice(350))):
        file = BytesIO()
        pq.write_table(part, file, row_group_size=100)
        place.write(f"traffic/ds={DAY}/part-{number}.parquet", file.getvalue())


def with_new_field(root: str) -> dict[str, Any]:
    return document(root, fields=[*document()["fields"], NEW], spark=SPARK)


@dataclass
class Runs:
    """The jobs of a day on one bucket, by `s3://` and by `s3a://`, and a backfill after them."""

    bucket: Bucket
    folder: Path
    environment: dict[str, str]
    output: str = ""

    def commands(self, scheme: str) -> list[list[str]]:
        root = f"{scheme}://{self.bucket.name}/{self.bucket.prefix}"
        config = self._config(f"{scheme}.yaml", document(root, spark=SPARK))
        return [[verb, "--config", config, "--date", str(DAY)] for verb in VERBS]

    def backfills(self) -> list[list[str]]:
        config = self._config("new.yaml", with_new_field(self.bucket.lake.root))
        days = ["--start", str(DAY), "--end", str(next_day(DAY))]
        what = ["--config", config, "--fields", "page", *days]
        return [["backfill-counts", *what], ["backfill-examples", *what, "--branch", BRANCH]]

    def _config(self, name: str, content: dict[str, Any]) -> str:
        path = self.folder / name
        path.write_text(yaml.safe_dump(content))
        return str(path)

    def run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        self.output += done.stdout + done.stderr
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def runs(moto_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("s3")
    bucket = Bucket(moto_endpoint, new_bucket(moto_endpoint))
    put_traffic(bucket)
    return Runs(bucket, folder, s3_environment(moto_endpoint, folder))


@pytest.fixture(scope="module")
def first(runs: Runs) -> dict[str, str]:
    """Each command a process of its own, as the scheduler starts them."""
    for command in runs.commands("s3"):
        runs.run("-m", "jobs", *command)
    return fingerprints(runs.bucket)


@pytest.fixture(scope="module")
def repeated(runs: Runs, first: dict[str, str]) -> dict[str, str]:
    """The same again, and the backfills, in one process to save time."""
    commands = [*runs.commands("s3a"), *runs.backfills()]
    runs.run("-c", IN_ONE_PROCESS, json.dumps(commands))
    return fingerprints(runs.bucket)


@pytest.fixture(scope="module")
def local(spark: object, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = Folder(tmp_path_factory.mktemp("local"))
    put_traffic(folder)
    for job in (ingest, count_accesses, update_priorities):
        job(DayContext(tiny_config(folder.root), DAY, "test"))
    config = parse_config(with_new_field(str(folder.root)), where="tests")
    backfill = Backfill(config, (config.field("page"),), Interval.of_day(DAY))
    backfill_counts(backfill)
    backfill_examples(replace(backfill, branch=BRANCH))
    return fingerprints(folder)


def without_new_field(found: dict[str, str]) -> dict[str, str]:
    return {path: content for path, content in found.items() if path not in BACKFILLED}


@pytest.mark.spark
@pytest.mark.slow
def test_every_dataset_equals_the_one_of_a_folder(
    first: dict[str, str], local: dict[str, str]
) -> None:
    assert len(first) > 10
    assert first == without_new_field(local)


@pytest.mark.spark
@pytest.mark.slow
def test_a_day_repeated_by_s3a_is_the_same(
    runs: Runs, first: dict[str, str], repeated: dict[str, str]
) -> None:
    assert without_new_field(repeated) == first
    markers = [path for path in runs.bucket.files() if path.endswith(MARKER_NAME)]
    listed = [entry.path for path in markers for entry in marker_at(runs.bucket, path).files]
    traffic = runs.bucket.files("traffic/")
    assert runs.bucket.files() == sorted([*traffic, *markers, *listed])  # nothing is left over


@pytest.mark.spark
@pytest.mark.slow
def test_a_backfill_equals_the_one_of_a_folder(
    repeated: dict[str, str], local: dict[str, str]
) -> None:
    for path in BACKFILLED:
        assert repeated[path] == local[path]


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.usefixtures("repeated")
def test_no_credential_is_in_any_output(runs: Runs) -> None:
    assert "rows out" in runs.output
    for credential in (SECRET, ACCESS_KEY):
        assert credential not in runs.output


def test_generated_traffic_equals_that_of_a_folder(bucket: Bucket, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "lake")
    amount = Amount(date(2026, 1, 1), days=2, impressions_per_day=500, seed=1)
    for place in (bucket, folder):
        generate(place.lake, amount)
    assert fingerprints(bucket) == fingerprints(folder)
    assert len(fingerprints(bucket)) == 4
