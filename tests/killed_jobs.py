"""Jobs as processes of their own, ended by SIGKILL while they write.

`kill_at_first_file` strikes from outside, in the middle of the writing. `kill_in_writer` and
`kill_in_store` strike from inside, at exactly the moments at which a careless job leaves a mixture:
around a marker, and between two writes to the registry.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path


def start_job(verb: str, config: Path, day: date) -> subprocess.Popen[bytes]:
    """The job of a day as a process of its own."""
    return start_command([verb, "--config", str(config), "--date", str(day)])


def start_command(arguments: list[str]) -> subprocess.Popen[bytes]:
    """`python -m jobs ARGUMENTS` in a process group of its own, with its Java and its workers."""
    command = [sys.executable, "-m", "jobs", *arguments]
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


BEFORE_THE_MARKER, AFTER_THE_MARKER = "_write_marker", "_remove_unlisted"

STRIKE = """
import os, signal, sys
from jobs.cli import main
from shark_core.partition_writer import PartitionWriter
from shark_core.publish.object_store_local import LocalStore
owner = {"PartitionWriter": PartitionWriter, "LocalStore": LocalStore}[sys.argv.pop(1)]
method, calls_to_let_pass = sys.argv.pop(1), int(sys.argv.pop(1))
original, passed = getattr(owner, method), []
def strike(*call):
    if len(passed) == calls_to_let_pass:
        os.kill(os.getpid(), signal.SIGKILL)
    passed.append(call)
    return original(*call)
setattr(owner, method, strike)
main()
"""


def kill_in_writer(moment: str, arguments: list[str], commits: int = 0) -> None:
    """Run `python -m jobs ARGUMENTS`; it dies at `moment` of the commit after `commits` others."""
    _strike("PartitionWriter", moment, commits, arguments)


def kill_in_store(arguments: list[str], writes: int) -> None:
    """Run `python -m jobs ARGUMENTS`; it dies before the small write after `writes` others."""
    _strike("LocalStore", "put_if_absent", writes, arguments)


def _strike(owner: str, method: str, calls_to_let_pass: int, arguments: list[str]) -> None:
    command = [sys.executable, "-c", STRIKE, owner, method, str(calls_to_let_pass), *arguments]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
