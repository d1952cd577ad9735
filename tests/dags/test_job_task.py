"""Tasks that run jobs, against real processes: exit codes, answers, what they tell of assets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shark_core import errors
from tests.dags.fake_jobs import CONTEXT, OPTIONS, ingest

if TYPE_CHECKING:
    from shark_airflow.job_task import JobTask

pytestmark = pytest.mark.airflow


def test_success_passes_and_its_output_is_in_the_log(
    job: type[JobTask], capfd: pytest.CaptureFixture[str]
) -> None:
    ingest(job)
    log = capfd.readouterr().out
    assert "out ingest 2026-01-02" in log
    assert "err" in log


@pytest.mark.parametrize("code", [2, 65, 70, 76, 78, 79])
def test_permanent_failures_are_not_retried(
    job: type[JobTask], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    monkeypatch.setenv("FAKE_EXIT_CODE", str(code))
    with pytest.raises(AirflowFailException, match=f"ingest ended with {code}"):
        ingest(job)


@pytest.mark.parametrize("code", [1, 75, 137])
def test_other_failures_are_retried(
    job: type[JobTask], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    monkeypatch.setenv("FAKE_EXIT_CODE", str(code))
    with pytest.raises(AirflowException, match=f"ingest ended with {code}") as caught:
        ingest(job)
    assert not isinstance(caught.value, AirflowFailException)


def test_the_result_of_a_job_is_the_tasks_answer(job: type[JobTask]) -> None:
    assert ingest(job) is None
    assert ingest(job, answers=True) == {"passed": True, "headline": "done", "snapshot": "3f9a1c"}


def test_a_failed_gate_is_an_answer_to_who_asked_and_a_failure_to_others(
    job: type[JobTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    monkeypatch.setenv("FAKE_EXIT_CODE", "79")
    answer = ingest(job, judges=True)
    assert answer["passed"] is False
    assert "a line after it" in answer["said"]
    with pytest.raises(AirflowFailException, match="a gate failed"):
        ingest(job, answers=True)


def test_a_result_that_is_not_there_is_an_error(job: type[JobTask]) -> None:
    from airflow.sdk.exceptions import AirflowFailException
    from shark_airflow.job_task import result_of

    with pytest.raises(AirflowFailException, match="expected a JSON object"):
        result_of(["out", "{not json"])


def test_options_without_a_value_are_left_out(airflow_path: Path) -> None:
    from shark_airflow.job_task import command_line

    options = {"--ref": "production", "--expect": ""}
    line = command_line("release promote", options, ["--json", ""])
    assert line == ["release", "promote", "--ref", "production", "--json"]


def test_who_waits_for_an_asset_learns_of_its_day(job: type[JobTask]) -> None:
    from airflow.sdk import Asset

    class Event:
        extra: dict[str, str]

    asset = Asset("shark.examples")
    events = {asset: Event()}
    task = job(verb="ingest", options=OPTIONS, outlets=[asset])
    task.execute({**CONTEXT, "outlet_events": events})
    assert events[asset].extra == {"config": "c.yaml", "date": "2026-01-02"}


def test_exit_codes_agree_with_the_branches_of_errors(airflow_path: Path) -> None:
    from shark_airflow.exit_codes import PERMANENT

    branch = [errors.ConfigError, errors.DataError, errors.ConflictError, errors.GateFailed]
    assert {error.exit_code for error in branch} <= set(PERMANENT)
    assert errors.SharkError.exit_code in PERMANENT
    assert errors.RetryableError.exit_code not in PERMANENT
