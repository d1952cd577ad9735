"""`make up` and its like in a folder of its own, for tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from infra.airflow.client import AirflowClient
from infra.airflow.settings import CHECKOUT, AirflowSettings
from infra.processes.service import marked_by
from infra.stack.folder import StackFolder
from infra.stack.status import stack_status

ANY_PORTS = ["--port", "0", "--s3-port", "0"]


class Stack:
    """The stack in a folder of its own, used by its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "infra.stack", *arguments, "--folder", str(self.folder)]
        return subprocess.Popen(
            command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def says(self, *arguments: str, exit_code: int = 0) -> str:
        with self.start(*arguments) as process:
            said, _ = process.communicate()
        assert process.returncode == exit_code, said
        return said

    def status(self) -> dict[str, Any]:
        return stack_status(StackFolder(self.folder)).to_json()

    def client(self) -> AirflowClient:
        """Logged in, as a person with the login that was said."""
        services = self.status()["services"]
        port = next(each["port"] for each in services if each["name"] == "api-server")
        folder = StackFolder(self.folder)
        password, _ = folder.password()
        client = AirflowClient(AirflowSettings(folder.airflow, port=port, password=password))
        client.log_in()
        return client

    def config(self) -> Path:
        """The demo's, for a lake in the stack's folder, which has nothing yet."""
        demo = yaml.safe_load((CHECKOUT / "infra/config/demo.yaml").read_text())
        (self.folder / "lake").mkdir(exist_ok=True)
        path = self.folder / "empty.yaml"
        path.write_text(yaml.safe_dump({**demo, "lake": str(self.folder / "lake")}))
        return path

    def pids(self) -> dict[str, int]:
        return {service["name"]: service["pid"] for service in self.status()["services"]}

    @property
    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(process.pid) for process in marked_by(str(self.folder))]

    def kept(self) -> str:
        """All that it has logged and told of itself to whoever lists processes."""
        logs = [path.read_text(errors="replace") for path in self.folder.rglob("*.log")]
        return "\n".join([*logs, *(" ".join(process.cmdline()) for process in self.processes)])


def wait(is_so: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Where another account can enter, as PostgreSQL's must, and short enough for its socket."""
    folder = Path(tempfile.mkdtemp(prefix="stack-"))
    folder.chmod(0o711)
    running = Stack(folder)
    try:
        yield running
    finally:
        running.says("down")
        shutil.rmtree(folder)
