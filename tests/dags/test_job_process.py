"""The process of a task's job: its environment, its interpreter, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.dags.conftest import DAGS
from tests.dags.fake_jobs import CONTEXT, OPTIONS, ingest

if TYPE_CHECKING:
    from shark_airflow.job_task import JobTask

pytestmark = pytest.mark.airflow


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def wait_until(condition: object, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


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
