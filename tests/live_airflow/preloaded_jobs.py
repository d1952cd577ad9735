"""Runs jobs in forks of one interpreter that has loaded torch and Spark already.

    python -m tests.live_airflow.preloaded_jobs SOCKET        serves until it is ended
    python -m tests.live_airflow.jobs_python -m jobs VERB …   asks it, as the jobs' interpreter

Loading is most of what a job on a tiny lake costs. A job has its caller's arguments, folder,
environment and output, a session of its own, and ends with its caller, however that ends.
"""

from __future__ import annotations

import importlib
import json
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

# None of them starts a thread when it is imported: the interpreter can be forked.
LOADED = ("jobs.cli", "pyspark", "torch", "jobs.train", "jobs.publish", "jobs.prune_fields")
MESSAGE_BYTES = 1 << 20


@dataclass(frozen=True)
class Running:
    caller: socket.socket
    child: int
    ended: int  # readable when the child has ended

    def end(self) -> None:
        os.killpg(self.child, signal.SIGKILL)

    def answer(self) -> None:
        _, status = os.waitpid(self.child, 0)
        os.close(self.ended)
        with self.caller:
            try:
                self.caller.send(str(os.waitstatus_to_exitcode(status)).encode())
            except OSError:
                return  # the caller has ended before


class Server:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, None)

    def serve(self) -> NoReturn:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._accept()
                elif key.fd == key.data.ended:
                    self._forget(key.data)
                elif key.data.ended in self._selector.get_map():
                    key.data.end()

    def _accept(self) -> None:
        caller, _ = self._listener.accept()
        message, files, _, _ = socket.recv_fds(caller, MESSAGE_BYTES, 3)
        if not message:
            caller.close()
            return
        child = os.fork()
        if child == 0:
            run_job(json.loads(message), files)
        for file in files:
            os.close(file)
        running = Running(caller, child, os.pidfd_open(child))
        for readable in (running.ended, caller):
            self._selector.register(readable, selectors.EVENT_READ, running)

    def _forget(self, running: Running) -> None:
        for readable in (running.ended, running.caller):
            self._selector.unregister(readable)
        running.answer()


def run_job(asked: dict[str, Any], files: list[int]) -> NoReturn:
    """In the child: become what the caller would have become."""
    code = 70
    try:
        os.setsid()
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.argv = ["jobs", *asked["arguments"]]
        from jobs.cli import main as run

        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    (path,) = sys.argv[1:]
    for module in LOADED:
        importlib.import_module(module)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(64)
        Server(listener).serve()


if __name__ == "__main__":
    main()
