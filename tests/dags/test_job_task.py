"""Tasks that run jobs, against real processes: exit codes, answers, environment, the job's end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from shark_core import errors
from tests.dags.conftest import DAGS

if TYPE_CHECKING:
    from shark_airflow.job_task import JobTask

pytestmark = pytest.mark.airflow

FAKE_JOBS = """\
import os, subprocess, sys, time
verb, day = sys.argv[1], sys.argv[sys.argv.index("--date") + 1]
print("out", verb, day, flush=True)
print("err", sorted(n for n in os.environ if n.startswith("AIRFLOW")), file=sys.stderr, flush=True)
if verb == "ingest":
    if "--json" in sys.argv:
        print('{"headline": "done", "snapshot": "3f9a1c"}')
        print("a line after it", file=sys.stderr)
    sys.exit(int(os.environ["FAKE_EXIT_CODE"]))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("child.pid", "w").write(str(child.pid))
time.sleep(600)
"""


@pytest.fixture
def job(airflow_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[JobTask]:
    """The launcher, in a checkout whose `jobs` is `FAKE_JOBS`."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__main__.py").write_text(FAKE_JOBS)
    monkeypatch.setenv("JOBS_FOLDER", str(tmp_path))
    monkeypatch.setenv("FAKE_EXIT_CODE", "0")
    from shark_airflow.job_task import JobTask

    return JobTask


OPTIONS = {"--config": "c.yaml", "--date": "2026-01-02", "--run-id": "r", "--branch": ""}


class Instance:
    dag_id, run_id, task_id, map_index = "daily", "r", "ingest", -1


CONTEXT = {"ti": Instance()}


def ingest(job: type[JobTask], **more: Any) -> Any:
    return job(verb="ingest", options=OPTIONS, **more).execute(CONTEXT)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def wait_until(condition: object, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


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


def test_a_job_ends_with_its_task_however_that_ends(job: type[JobTask], tmp_path: Path) -> None:
    """A worker that is SIGKILLed cannot clean up; its job must not go on beside the next one."""
    program = (
        "from types import SimpleNamespace\n"
        "from shark_airflow.job_task import JobTask\n"
        "ti = SimpleNamespace(dag_id='d', run_id='r', task_id='train', map_index=-1)\n"
        f"JobTask(verb='train', options={OPTIONS}).execute({{'ti': ti}})\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(DAGS)}
    worker = subprocess.Popen([sys.executable, "-c", program], env=environment)
    wait_until(lambda: (tmp_path / "child.pid").exists(), seconds=60)
    (running,) = psutil.Process(worker.pid).children()
    assert alive(running.pid)
    worker.kill()
    worker.wait()
    wait_until(lambda: not alive(running.pid))
    assert not alive(running.pid)


def test_exit_codes_agree_with_the_branches_of_errors(airflow_path: Path) -> None:
    from shark_airflow.exit_codes import PERMANENT

    branch = [errors.ConfigError, errors.DataError, errors.ConflictError, errors.GateFailed]
    assert {error.exit_code for error in branch} <= set(PERMANENT)
    assert errors.SharkError.exit_code in PERMANENT
    assert errors.RetryableError.exit_code not in PERMANENT


def test_a_job_does_not_see_the_settings_of_airflow(
    job: type[JobTask], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "secret")
    monkeypatch.setenv("AIRFLOW_VAR_TOKEN", "secret")
    ingest(job)
    assert f"err {['AIRFLOW_HOME']}" in capfd.readouterr().out


def test_killing_a_task_ends_the_job_and_its_children(job: type[JobTask], tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowException

    task = job(verb="train", options=OPTIONS)
    failures: list[BaseException] = []

    def execute() -> None:
        try:
            task.execute(CONTEXT)
        except AirflowException as error:
            failures.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    pid_file = tmp_path / "child.pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    child = int(pid_file.read_text())
    assert alive(child)
    task.on_kill()
    thread.join(15)
    assert not thread.is_alive()
    wait_until(lambda: not alive(child))
    assert "train ended with -15" in str(failures[0])


def test_the_interpreter_is_read_when_the_task_runs(
    job: type[JobTask], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text('#!/bin/sh\necho "$@" > "$0.called"\n')
    interpreter.chmod(0o755)
    monkeypatch.setenv("JOBS_PYTHON", os.fspath(interpreter))
    ingest(job)
    called = (tmp_path / "python.called").read_text()
    assert called == "-m jobs ingest --config c.yaml --date 2026-01-02 --run-id r\n"
