"""`tied_process.py PARENT PROGRAM …` becomes PROGRAM, which the kernel ends when PARENT ends.

Even a parent that is SIGKILLed, and can clean up nothing, leaves nothing behind so. The kernel
watches the thread that started this, so that must be one that lives as long as the parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent, program, *arguments = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):  # it ended before the kernel knew
        sys.exit("the parent has ended")
    os.execv(program, [program, *arguments])  # noqa: S606


if __name__ == "__main__":
    main()
