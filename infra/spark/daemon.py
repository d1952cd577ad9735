"""A master or a worker of Spark: one Java process, and all that it starts, in a session of its own.

Executors and their Python workers stay in the session of the worker that started them, also when
that worker has died; so `kill` finds them all.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from shark_core.errors import RetryableError

TIED_PROCESS = Path(__file__).with_name("tied_process.py")
SECONDS_TO_START = 90
LINES_SHOWN = 15


class Daemon:
    """`command`, started at once; it logs to `<folder>/<name>.log`."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(TIED_PROCESS), str(os.getpid()), *command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for(self, line: re.Pattern[str]) -> re.Match[str]:
        """The first match in its log. Raises `RetryableError` where it ends or takes too long."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            ended = not self._is_alive()  # asked first: what it said last is in the log by then
            if found := line.search(self._said()):
                return found
            if ended:
                raise self.failure("does not start")
            time.sleep(0.05)
        raise self.failure(f"is not up after {SECONDS_TO_START} s")

    def check(self) -> None:
        """Raises `RetryableError` if it runs no longer."""
        if not self._is_alive():
            raise self.failure("has ended")

    def failure(self, summary: str) -> RetryableError:
        lines = self._said().splitlines()[-LINES_SHOWN:]
        return RetryableError(
            f"Spark's {self.name} {summary}",
            found="\n".join(["the end of its log", *(f"  │ {line}" for line in lines)]),
            remedy="mend what the log says, then start the cluster again",
        )

    def kill(self) -> None:
        """End the whole session by SIGKILL: what it would tidy up is in a folder that goes too.

        The leader is reaped last: until then no other process can get the session's number.
        """
        if self._process.returncode is not None:
            return
        while members := list(self._members()):
            for process in members:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.01)
        self._process.wait()

    def _members(self) -> Iterator[int]:
        """Living processes of the session."""
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):  # ended in the meantime
                after_the_name = entry.read_text().rpartition(")")[2].split()
                state, session = after_the_name[0], int(after_the_name[3])
                if session == self.pid and state not in "ZX":
                    yield int(entry.parent.name)

    def _is_alive(self) -> bool:
        """Without reaping it, see `kill`."""
        ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return self._process.returncode is None and os.waitid(os.P_PID, self.pid, ended) is None

    def _said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")
