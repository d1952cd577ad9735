"""What native code prints while the solver works goes to standard error, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shark_core.pruning.native_output import native_output_on_stderr

SCRIPT = """
import ctypes, os, sys
from shark_core.pruning.native_output import native_output_on_stderr
native = ctypes.CDLL(None)
{}
sys.stdout.flush()
native.fflush(None)
"""


def printed(*lines: str) -> tuple[list[str], list[str]]:
    """What lines of Python write to standard output and to standard error, both of them pipes."""
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    script = SCRIPT.format("\n".join(lines))
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=buffered, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


def test_what_native_code_prints_inside_goes_to_standard_error() -> None:
    out, err = printed("with native_output_on_stderr():", "    native.puts(b'inside')")
    assert (out, err) == ([], ["inside"])


def test_what_native_code_printed_before_goes_to_standard_output() -> None:
    out, err = printed(
        "native.puts(b'before')",
        "with native_output_on_stderr():",
        "    native.puts(b'inside')",
    )
    assert (out, err) == (["before"], ["inside"])


def test_what_python_printed_before_goes_to_standard_output() -> None:
    out, err = printed(
        "print('before')",
        "with native_output_on_stderr():",
        "    sys.stdout.flush()",
    )
    assert (out, err) == (["before"], [])


def test_afterwards_both_print_to_standard_output_again() -> None:
    out, err = printed(
        "with native_output_on_stderr():",
        "    pass",
        "print('python', flush=True)",
        "native.puts(b'native')",
    )
    assert (out, err) == (["python", "native"], [])


def test_an_error_inside_leaves_standard_output_as_it_was() -> None:
    out, err = printed(
        "try:",
        "    with native_output_on_stderr():",
        "        native.puts(b'inside')",
        "        raise ValueError",
        "except ValueError:",
        "    print('after')",
    )
    assert (out, err) == (["after"], ["inside"])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are told by /proc")
def test_no_file_stays_open() -> None:
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with native_output_on_stderr():
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
