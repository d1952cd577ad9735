"""Exit codes, by branch of error, and the message that goes with each."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.context import DayContext, JobResult
from shark_core import errors
from tests.cli.running import ARGUMENTS, replace_job, run

CHECKOUT = Path(__file__).parents[2]


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


def test_a_real_process_says_which_file_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jobs", "train", "--config", "nowhere.yaml", *ARGUMENTS]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert "nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_lake_that_is_not_there_is_worth_another_try(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that is not mounted must not look like a lake that nobody has written to."""
    (Path(config).parent / "lake").rmdir()
    for command in (["train", "--date", "2026-01-02"], ["release", "show"], ["plans", "list"]):
        assert run(monkeypatch, *command, "--config", config) == 75
        assert "the lake is not there" in capsys.readouterr().err
