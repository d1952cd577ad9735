"""Arguments that are none: days, intervals, branches."""

from __future__ import annotations

import shlex

import pytest

from shark_core import errors
from tests.cli.running import run


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "20260102T00"])
def test_a_date_that_is_none_is_a_config_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str, day: str
) -> None:
    assert run(monkeypatch, "train", "--config", config, "--date", day) == 78
    assert repr(day) in capsys.readouterr().err


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
