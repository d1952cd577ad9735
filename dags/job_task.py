"""The one launcher: an Airflow task that runs `python -m jobs VERB …` as a process of its own.

    <jobs' Python> -m jobs ingest --config … --date 2026-01-01 --run-id …

Jobs bring torch or Spark, Airflow needs neither: the command line is all they share. The job's exit
code decides what Airflow does next: some failures are retried, those that a person must look at are
not.

Read from the environment when a task runs: `JOBS_PYTHON`, the interpreter with the jobs'
requirements (default: Airflow's own), and `JOBS_FOLDER`, the checkout (default: this one).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

CHECKOUT = Path(__file__).resolve().parents[1]
SECONDS_TO_STOP = 15

PERMANENT = {
    2: "wrong usage of the command line",
    65: "bad or missing data",
    70: "a defect in SHARK",
    76: "somebody else moved a ref in the meantime",
    78: "bad pipeline config",
    79: "a gate failed",
}


def job_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a job inherits: everything but Airflow's settings, which hold its secrets."""
    own = ("AIRFLOW__", "_AIRFLOW", "AIRFLOW_CONN_", "AIRFLOW_VAR_")
    return {name: value for name, value in environment.items() if not name.startswith(own)}


class JobTask(BaseOperator):
    """Run one verb for one day; `config`, `day` and `job_run_id` are templates.

    Raises `AirflowFailException` (no retry) for the exit codes in `PERMANENT`, `AirflowException`
    (retry) for all others, such as 75, try again, or −9, killed.
    """

    template_fields: Sequence[str] = ("arguments",)
    ui_color = "#dce9f7"

    def __init__(
        self,
        *,
        verb: str,
        config: str,
        day: str = "{{ data_interval_start | ds }}",
        job_run_id: str = "{{ run_id }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(task_id=verb, **kwargs)
        self.arguments = [verb, "--config", config, "--date", day, "--run-id", job_run_id]
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> None:
        command = [os.environ.get("JOBS_PYTHON") or sys.executable, "-m", "jobs", *self.arguments]
        folder = os.environ.get("JOBS_FOLDER") or str(CHECKOUT)
        self.log.info("in %s: %s", folder, " ".join(command))
        self._raise_for(self._run(command, folder))

    def _run(self, command: list[str], folder: str) -> int:
        """Stream what the job says into the task's log; give back its exit code."""
        with subprocess.Popen(
            command,
            cwd=folder,
            env=job_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # on_kill ends the job with all that it started
        ) as process:
            self._process = process
            try:
                for line in process.stdout or ():
                    self.log.info("%s", line.rstrip())
            except BaseException:
                self.on_kill()
                raise
        return process.returncode

    def _raise_for(self, exit_code: int) -> None:
        if exit_code == 0:
            return
        verb = self.arguments[0]
        if exit_code in PERMANENT:
            raise AirflowFailException(
                f"{verb} ended with {exit_code}: {PERMANENT[exit_code]}; not retried, the log "
                "above and the runbook of this DAG say what to do"
            )
        raise AirflowException(f"{verb} ended with {exit_code}; retried as the DAG allows")

    def on_kill(self) -> None:
        """End the job and all its children: politely, then, after `SECONDS_TO_STOP`, for good."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self.log.warning("ending the job's process group %d", process.pid)
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
