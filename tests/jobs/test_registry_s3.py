"""A day published, released and rolled back on a bucket, as on a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner
from yaml import safe_dump

from jobs.cli import app
from jobs.context import DayContext
from jobs.publish import publish
from jobs.release_candidate import release_candidate
from jobs.report import report
from shark_core.publish.compressed_model import rebuild_model
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.report.stored import read_report
from tests.example_lake import DAY, tiny_config
from tests.jobs.compressed_day import EASY_GATES, PRUNE_ONE, catalog_of, head, run_to_publish
from tests.jobs.planned_day import plan_log, propose
from tests.lake_places import Bucket

pytest_plugins = ["tests.lake_fixtures"]

OTHER_TIERS = {"int8_below": 1, "fp16_below": 9}
MakeDay = Callable[..., DayContext]


@pytest.fixture
def make_day(finetuned_lake: Path, bucket: Bucket) -> MakeDay:
    """A context on a copy of the finetuned lake in the bucket; keywords change the config."""

    def make(**changes: Any) -> DayContext:
        for path in finetuned_lake.rglob("*"):
            if path.is_file():
                bucket.write(path.relative_to(finetuned_lake).as_posix(), path.read_bytes())
        settings = {"pruning": PRUNE_ONE, "gates": EASY_GATES, **changes}
        config = tiny_config(finetuned_lake, lake=bucket.lake.root, **settings)
        return DayContext(config, DAY, "test")

    return make


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Gives what `python -m jobs …` prints as JSON."""

    def run_command(context: DayContext, *arguments: str) -> dict[str, Any]:
        path = tmp_path / "config.yaml"
        path.write_text(safe_dump(context.config.model_dump(mode="json", exclude_none=True)))
        command = [*arguments, "--config", str(path), "--json"]
        done = CliRunner().invoke(app, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    return run_command


def test_a_day_becomes_the_same_snapshot_on_a_bucket_as_on_a_folder(
    make_day: MakeDay, make_context: Any
) -> None:
    on_bucket, on_folder = make_day(), make_context()
    snapshots = []
    for context in (on_bucket, on_folder):
        run_to_publish(context)
        snapshots.append(catalog_of(context).snapshot(str(head(context, "candidate"))))
    assert snapshots[0].same_content(snapshots[1])
    rebuilt = rebuild_model(on_bucket.config, on_bucket.lake, DAY)
    for name in rebuilt.kept:
        table = SnapshotTables(catalog_of(on_bucket)).read(snapshots[0], name)
        assert torch.equal(table.dequantize(), rebuilt.embeddings.weight(name))


def test_publishing_again_changes_nothing_on_a_bucket(make_day: MakeDay, bucket: Bucket) -> None:
    context = make_day()
    run_to_publish(context)
    before = {path: bucket.read(path) for path in bucket.files("registry")}
    assert {path.split("/")[2] for path in before} >= {"data", "refs", "snapshots"}
    publish(context)
    assert {path: bucket.read(path) for path in bucket.files("registry")} == before


def test_a_day_is_reported_released_and_rolled_back_on_a_bucket(
    make_day: MakeDay, run: Any
) -> None:
    context = make_day()
    run_to_publish(context)
    report(context)
    first = str(head(context, "candidate"))
    assert read_report(context.lake, DAY).snapshot_id == first
    moved = run(context, "release", "promote", "--ref", "production", "--snapshot", first)
    assert (moved["before"], moved["after"]) == (None, first)
    again = make_day(release={"promotion": "automatic"}, tiers=OTHER_TIERS)
    run_to_publish(again)
    assert release_candidate(again).headline.endswith(": released")
    assert run(again, "release", "show")["production"]["snapshot"] not in {None, first}
    assert run(again, "release", "rollback", "--ref", "production")["after"] == first
    assert {"0", "1", "2"} < run(again, "release", "history", "--ref", "production").keys()


def test_a_person_approves_a_plan_on_a_bucket(make_day: MakeDay, run: Any) -> None:
    context = make_day()
    plan = propose(context, ["user"])
    run(context, "plans", "approve", "--plan", plan.plan_id, "--by", "ann")
    in_force = plan_log(context).in_force(DAY)
    assert in_force is not None
    assert (in_force.plan_id, in_force.by) == (plan.plan_id, "ann")
