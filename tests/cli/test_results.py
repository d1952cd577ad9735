"""What a job gets, and how its result is shown."""

from __future__ import annotations

import json
import logging

import pytest

import jobs.registry
from jobs.console import show
from jobs.context import DayContext, JobResult
from jobs.registry import DAY_VERBS
from tests.cli.running import ARGUMENTS, replace_job, run


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
