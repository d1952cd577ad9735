"""What `JOBS_PYTHON` names in these tests: hands jobs to `preloaded_jobs`, or fails them on demand.

Where the folder SHARK_FAULTS has a file named VERB-DAY, the job ends once with the exit code that
the file holds, without having run: so does a job whose storage is away for a while.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

ANSWER_BYTES = 16


def main() -> int:
    arguments = sys.argv[3:]  # after -m jobs
    if code := fault(arguments):
        sys.stderr.write(f"RetryableError: the storage is away\n  found: code {code}\n")
        return code
    asked = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(os.environ["SHARK_PRELOADED"])
        socket.send_fds(server, [json.dumps(asked).encode()], [0, 1, 2])
        code = int(server.recv(ANSWER_BYTES) or b"70")
    return code if code >= 0 else 128 - code


def fault(arguments: list[str]) -> int:
    if "--date" not in arguments:
        return 0
    day = arguments[arguments.index("--date") + 1]
    planted = Path(os.environ["SHARK_FAULTS"]) / f"{arguments[0]}-{day}"
    try:
        code = int(planted.read_text())
        planted.unlink()
    except FileNotFoundError:
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
