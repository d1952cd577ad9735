"""The launcher against real processes: exit codes, environment, and the end of a job."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shark_core import errors

if TYPE_CHECKING:
    from job_task import JobTask

pytestmark = pytest.mark.airflow

FAKE_JOBS = """\
import os, subprocess, sys, time
verb, day = sys.argv[1], sys.argv[sys.argv.index("--date") + 1]
print("out", verb, day, flush=True)
print("err", sorted(n for n in os.environ if n.startswith("AIRFLOW")), file=sys.stderr, flush=True)
if verb == "ingest":
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
    from job_task import JobTask

    return JobTask


def ingest(job: type[JobTask]) -> None:
    job(verb="ingest", config="c.yaml", day="2026-01-02", job_run_id="r").execute({})


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


def test_exit_codes_agree_with_the_branches_of_errors(airflow_path: Path) -> None:
    from job_task import PERMANENT

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

    task = job(verb="train", config="c.yaml", day="2026-01-02", job_run_id="r")
    failures: list[BaseException] = []

    def execute() -> None:
        try:
            task.execute({})
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
