"""Jobs as processes of their own, ended by SIGKILL while they write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path


def start_job(verb: str, config: Path, day: date) -> subprocess.Popen[bytes]:
    """`python -m jobs VERB` in a process group of its own, with its Java and its workers."""
    command = [sys.executable, "-m", "jobs", verb, "--config", str(config), "--date", str(day)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)


def kill_at_first_file(job: subprocess.Popen[bytes], folder: Path, pattern: str) -> None:
    """SIGKILL the whole group as soon as `folder` holds a file like `pattern`."""
    deadline = time.monotonic() + 120
    while not any(folder.glob(pattern)):
        assert job.poll() is None, job.communicate()[1].decode()
        assert time.monotonic() < deadline, "the job wrote nothing"
        time.sleep(0.001)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
