"""What `--help` says of each command."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from jobs import cli
from jobs.registry import DAY_VERBS

CHECKOUT = Path(__file__).parents[2]
GROUPS = {"branches", "plans", "release", "snapshots"}
TOP_LEVEL_VERBS = sorted({*typer.main.get_command(cli.app).commands} - GROUPS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", TOP_LEVEL_VERBS)
def test_help_of_each_verb_says_what_it_does_and_has_an_example(verb: str) -> None:
    shown = CliRunner().invoke(cli.app, [verb, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"Example: python -m jobs {verb} " in shown.output


@pytest.mark.parametrize(
    "command",
    [f"release {verb}" for verb in ("show", "history", "promote", "rollback")]
    + [f"branches {v}" for v in ("list", "expire")]
    + [f"snapshots {v}" for v in ("list", "show", "diff", "verify", "expire", "fsck")],
)
def test_commands_of_the_catalog_have_an_example(command: str) -> None:
    arguments = [*command.split(), "--help"]
    shown = CliRunner().invoke(cli.app, arguments, env={"COLUMNS": "200"})
    assert f"Example: python -m jobs {command} " in shown.output


def test_every_verb_of_a_day_has_its_job() -> None:
    for verb in DAY_VERBS:
        assert (CHECKOUT / "jobs" / f"{verb.module}.py").is_file(), verb.name
