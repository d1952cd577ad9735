"""Keep what native code prints off standard output, which holds a job's result and nothing else."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


@contextmanager
def native_output_on_stderr() -> Iterator[None]:
    """Send file descriptor 1 to standard error; HiGHS reports repaired solutions by `printf`.

    C's own buffer is written out at both ends: else the lines would come out where it is next
    written out, which is after the result.
    """
    c_library = ctypes.CDLL(None)
    sys.stdout.flush()
    c_library.fflush(None)
    output = os.dup(STANDARD_OUTPUT)
    os.dup2(STANDARD_ERROR, STANDARD_OUTPUT)
    try:
        yield
    finally:
        c_library.fflush(None)
        os.dup2(output, STANDARD_OUTPUT)
        os.close(output)
