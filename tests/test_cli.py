"""The command line: help, exit codes by branch of error, the JSON result, wrong usage."""

from __future__ import annotations

import json
import logging
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

import jobs.registry
from jobs import cli
from jobs.console import show
from jobs.context import DayContext, JobResult
from jobs.registry import DAY_VERBS
from shark_core import errors

CHECKOUT = Path(__file__).parents[1]
ARGUMENTS = ["--date", "2026-01-02", "--run-id", "r1"]
GROUPS = {"branches", "plans", "release", "snapshots"}
TOP_LEVEL_VERBS = sorted({*typer.main.get_command(cli.app).commands} - GROUPS)  # type: ignore[attr-defined]
CONFIG = {
    "name": "small",
    "label": {"column": "clicked"},
    "event_time": {"column": "served_at"},
    "fields": [{"name": "user", "encoding": "hash", "num_embeddings": 100}],
    "tiers": {"int8_below": 1.0, "fp16_below": 10.0},
}


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    (tmp_path / "lake").mkdir()
    path.write_text(yaml.safe_dump({**CONFIG, "lake": str(tmp_path / "lake")}))
    return str(path)


@pytest.fixture(autouse=True)
def _logging_as_before() -> object:
    handlers = logging.root.handlers[:]
    level = logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """`main` as the shell calls it; gives back the exit code."""
    monkeypatch.setattr(sys, "argv", ["jobs", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def replace_job(monkeypatch: pytest.MonkeyPatch, job: object) -> None:
    monkeypatch.setattr(jobs.registry.Verb, "load", lambda verb: job)


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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DataError, 65),
        (errors.SharkError, 70),
        (errors.RetryableError, 75),
        (errors.ConflictError, 76),
        (errors.ConfigError, 78),
        (errors.GateFailed, 79),
    ],
)
def test_the_branch_of_an_error_is_the_exit_code_and_its_message_is_shown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    error: type[errors.SharkError],
    code: int,
) -> None:
    def fail(context: DayContext) -> JobResult:
        raise error("it went wrong", found="this", remedy="do that")

    replace_job(monkeypatch, fail)
    assert run(monkeypatch, "train", "--config", config, *ARGUMENTS) == code
    shown = capsys.readouterr()
    assert f"{error.__name__}: it went wrong\n  found:    this\n  do:       do that" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (PermissionError(13, "Permission denied", "/lake"), 75, "Permission denied: '/lake'"),
        (ZeroDivisionError("in the middle"), 70, "a defect in SHARK"),
    ],
)
def test_what_no_job_foresaw_has_an_exit_code_too(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    error: Exception,
    code: int,
    said: str,
) -> None:
    def fail(context: DayContext) -> JobResult:
        raise error

    replace_job(monkeypatch, fail)
    assert run(monkeypatch, "train", "--config", config, *ARGUMENTS) == code
    assert said in capsys.readouterr().err


def test_success_is_zero_and_prints_the_figures_as_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str
) -> None:
    replace_job(monkeypatch, lambda context: JobResult("done", {"rows_read": 1234567}))
    assert run(monkeypatch, "train", "--config", config, *ARGUMENTS) == 0
    out = capsys.readouterr().out
    assert "rows read" in out
    assert "1,234,567" in out


def test_json_is_the_last_line_and_all_that_is_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str
) -> None:
    def job(context: DayContext) -> JobResult:
        logging.getLogger("shark").info("on the way")
        return JobResult("done", {"rows": 3, "tiers": {"int8": 2}})

    replace_job(monkeypatch, job)
    assert run(monkeypatch, "train", "--config", config, *ARGUMENTS, "--json") == 0
    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    assert json.loads(line) == {"headline": "done", "rows": 3, "tiers": {"int8": 2}}
    assert "[r1] on the way" in shown.err


def test_a_job_gets_the_day_the_run_id_and_the_config(
    monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    seen: list[DayContext] = []

    def job(context: DayContext) -> JobResult:
        seen.append(context)
        return JobResult("done")

    replace_job(monkeypatch, job)
    run(monkeypatch, "train", "--config", config, *ARGUMENTS)
    (context,) = seen
    assert (context.day.isoformat(), context.run_id) == ("2026-01-02", "r1")
    assert context.config.name == "small"


def test_run_does_all_jobs_of_a_day_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str
) -> None:
    monkeypatch.setattr(
        jobs.registry.Verb, "load", lambda verb: lambda context: JobResult(verb.name)
    )
    assert run(monkeypatch, "run", "--config", config, "--date", "2026-01-02") == 0
    assert capsys.readouterr().out.split() == [verb.name for verb in DAY_VERBS]


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "compress",
        "train",
        "train --config x.yaml",
        "train --config x.yaml --date 2026-01-02 --fast",
        "generate --lake l --start-day 2026-01-01 --days 0 --impressions-per-day 1",
    ],
)
def test_wrong_usage_is_two(monkeypatch: pytest.MonkeyPatch, arguments: str) -> None:
    assert run(monkeypatch, *shlex.split(arguments)) == 2


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "20260102T00"])
def test_a_date_that_is_none_is_a_config_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str, day: str
) -> None:
    assert run(monkeypatch, "train", "--config", config, "--date", day) == 78
    assert repr(day) in capsys.readouterr().err


def test_a_real_process_says_which_file_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jobs", "train", "--config", "nowhere.yaml", *ARGUMENTS]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert "nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(
            "--fields nobody --start 2026-01-01 --end 2026-01-02",
            "unknown field\n  expected: one of ['user']\n  found:    nobody",
            id="field",
        ),
        pytest.param(
            "--fields user --start 2026-01-02 --end 2026-01-02",
            "an interval must end after it starts",
            id="no day",
        ),
        pytest.param(
            "--fields user --start 2026-01-02 --end soon",
            "found:    'soon'\n  where:    --end",
            id="end",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["backfill-counts", "backfill-examples --branch b"])
def test_a_backfill_of_nothing_is_a_config_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    verb: str,
    arguments: str,
    says: str,
) -> None:
    command = [*shlex.split(verb), "--config", config, *shlex.split(arguments)]
    assert run(monkeypatch, *command) == errors.ConfigError.exit_code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("branch", "code"),
    [([], 2), (["--branch", ""], 78), (["--branch", "production"], 78)],
    ids=["none", "empty", "reserved"],
)
def test_examples_are_backfilled_on_a_branch_only(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    branch: list[str],
    code: int,
) -> None:
    days = ["--start", "2026-01-01", "--end", "2026-01-02"]
    command = ["backfill-examples", "--config", config, "--fields", "user", *days, *branch]
    assert run(monkeypatch, *command) == code
    assert "branch" in capsys.readouterr().err


def test_many_days_are_shortened_for_people_and_all_there_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    days = [f"2026-01-{day:02}" for day in range(1, 31)]
    result = JobResult("30 days", {"missing_days": days, "fields": ["a", "b", "c", "d", "e"]})
    show(result, as_json=False)
    out = capsys.readouterr().out
    assert "2026-01-03 and 27 more" in out
    assert "a, b, c, d, e" in out
    show(result, as_json=True)
    assert json.loads(capsys.readouterr().out)["missing_days"] == days


def test_a_lake_that_is_not_there_is_worth_another_try(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that is not mounted must not look like a lake that nobody has written to."""
    (Path(config).parent / "lake").rmdir()
    for command in (["train", "--date", "2026-01-02"], ["release", "show"], ["plans", "list"]):
        assert run(monkeypatch, *command, "--config", config) == 75
        assert "the lake is not there" in capsys.readouterr().err
