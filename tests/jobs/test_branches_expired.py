"""`python -m jobs branches …`, as a person types it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.assign_tiers import assign_tiers
from jobs.cli import app
from jobs.context import DayContext
from jobs.finetune import finetune
from shark_core.errors import DataError
from tests.jobs.compressed_day import catalog_of, head, run_command, run_to_publish

BRANCH = "retrain-1"
MONTH = 31 * 24 * 3600


@pytest.fixture
def branched(make_context: Callable[..., DayContext]) -> DayContext:
    """A day in the lake, and the same day with other tiers on a branch, written a month ago."""
    context = make_context()
    run_to_publish(context)
    branch = replace(make_context(tiers={"int8_below": 1, "fp16_below": 9}), branch=BRANCH)
    for job in (assign_tiers, finetune):
        job(branch)
    run_to_publish(branch)
    for path in (Path(context.config.lake) / "branches").rglob("*"):
        at = path.stat().st_mtime - MONTH
        os.utime(path, (at, at))
    run_command(context, "branches", "list")  # writes the config
    return context


def folder(branched: DayContext) -> Path:
    return Path(branched.config.lake) / "branches" / BRANCH


def printed(branched: DayContext, *arguments: str) -> str:
    config = Path(branched.config.lake) / "config.yaml"
    done = CliRunner(env={"COLUMNS": "100"}).invoke(
        app, ["branches", *arguments, "--config", str(config)], catch_exceptions=False
    )
    return done.stdout


def test_the_list_has_the_branchs_snapshot(branched: DayContext) -> None:
    (found,) = run_command(branched, "branches", "list")["branches"]
    assert (found["name"], found["snapshot_id"]) == (BRANCH, head(branched, BRANCH))
    assert found["bytes"] == sum(p.stat().st_size for p in folder(branched).rglob("*.*"))
    table = printed(branched, "list")
    assert f"1 branch(es), {found['bytes']:,} bytes" in table
    assert BRANCH in table


def test_without_apply_it_only_says_what_may_go(branched: DayContext) -> None:
    said = run_command(branched, "branches", "expire")
    assert (said["applied"], said["branches"][0]["kept"]) == (False, "")
    assert folder(branched).exists()
    assert head(branched, BRANCH) is not None
    assert "goes" in printed(branched, "expire")


def test_what_is_removed_frees_its_snapshot_for_the_next_expire(branched: DayContext) -> None:
    snapshot, candidate = head(branched, BRANCH), head(branched, "candidate")
    said = run_command(branched, "branches", "expire", "--apply")
    assert said["headline"].startswith("1 branch(es)")
    assert not folder(branched).exists()
    assert head(branched, BRANCH) is None
    for path in (Path(branched.config.lake) / "registry").rglob("*"):
        os.utime(path, (path.stat().st_mtime - MONTH, path.stat().st_mtime - MONTH))
    expired = run_command(branched, "snapshots", "expire", "--apply")
    assert [each["name"] for each in expired["snapshots"]] == [snapshot]
    assert expired["kept"] == [candidate]
    assert run_command(branched, "snapshots", "fsck")["findings"] == []


def test_a_branch_in_production_stays_and_it_is_said_why(branched: DayContext) -> None:
    snapshot = str(head(branched, BRANCH))
    catalog_of(branched).promote("production", snapshot, "p0", expect=None)
    assert run_command(branched, "branches", "expire", "--apply")["headline"].startswith("0 ")
    assert folder(branched).exists()
    assert "stays: production has its snapshot" in printed(branched, "expire")


def test_one_branch_can_be_named_and_goes_at_once(branched: DayContext) -> None:
    for path in folder(branched).rglob("*"):
        os.utime(path)
    command = ("expire", "--only", BRANCH, "--apply")
    assert run_command(branched, "branches", *command)["headline"].startswith("0 ")
    run_command(branched, "branches", *command, "--keep-days", "0")
    assert not folder(branched).exists()


def test_a_branch_that_is_not_there_is_refused(branched: DayContext) -> None:
    with pytest.raises(DataError, match="no such branch"):
        run_command(branched, "branches", "expire", "--only", "retrain-9")
