"""The process of a job: its output goes to the task's log, its end to whoever waits for it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shark_airflow.launch import Launch

SECONDS_TO_STOP = 15
SECONDS_TO_END = 120
LINES_KEPT = 200
LINES_SAID = 12
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def job_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a job inherits: everything but Airflow's settings, which hold its secrets."""
    own = ("AIRFLOW__", "_AIRFLOW", "AIRFLOW_CONN_", "AIRFLOW_VAR_")
    return {name: value for name, value in environment.items() if not name.startswith(own)}


class JobProcess:
    """`lines` are the last that the job has said, on standard output or error."""

    def __init__(self, launch: Launch, shown: str, log: Any) -> None:
        self._launch = launch
        self._shown = shown  # not the whole command: a launcher's settings may hold secrets
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)

    def run(self) -> int:
        """The exit code; whatever ends the waiting ends the job too."""
        self._end_elsewhere()
        self._log.info("%s", self._shown)
        with subprocess.Popen(
            self._launch.command,
            cwd=self._launch.folder,
            env={**job_environment(os.environ), **self._launch.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # `end` ends the job with all that it started
            preexec_fn=end_with_parent,
        ) as self._process:
            try:
                for line in self._process.stdout or ():
                    self.lines.append(line.rstrip())
                    self._log.info("%s", line.rstrip())
            except BaseException:
                self.end()
                raise
        return self._process.returncode

    def last_lines(self) -> str:
        return "\n".join([*self.lines][-LINES_SAID:])

    def end(self) -> None:
        """End the job and all its children: politely, then, after `SECONDS_TO_STOP`, for good."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self._log.warning("ending the job's process group %d", process.pid)
        with suppress(ProcessLookupError):  # it may end by itself meanwhile, or be waited for
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._end_elsewhere()

    def _end_elsewhere(self) -> None:
        if self._launch.end is None:
            return
        self._log.info("ending what may run elsewhere")
        subprocess.run(
            self._launch.end,
            cwd=self._launch.folder,
            env={**job_environment(os.environ), **self._launch.environment},
            check=False,
            timeout=SECONDS_TO_END,
        )


def end_with_parent() -> None:
    """Before the job's program starts: let the kernel end it where its task dies, however it does.

    A task that is SIGKILLed is tried again: its job must not be there twice.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
