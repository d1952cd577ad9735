"""`up`, `status` and `down` as a person has them: as commands, with real services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.processes.table import find_process
from infra.stack.ports import answers, check_port
from tests.infra.running_stack import ANY_PORTS, Stack, running_stack

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


def test_a_stack_goes_up_is_mended_and_goes_down(stack: Stack) -> None:
    said = stack.says("up", "--s3", "moto", *ANY_PORTS)
    status: dict[str, Any] = json.loads(stack.says("status", "--json"))
    assert (status["up"], status["healthy"]) == (True, True), status
    assert status["url"] in said
    pids = stack.pids()
    assert list(pids) == ["s3", "api-server", "scheduler", "dag-processor"]
    password = json.loads(Path(status["passwords"]).read_text())["admin"]
    assert said.count(password) == 1
    assert password not in stack.kept() + json.dumps(status)
    assert (status["config"], status["reports"]) == (str(stack.folder / "config.yaml"), [])
    assert 200 * 2**20 < status["memory"] < 1.5 * 2**30
    listening = [c for p in stack.processes for c in p.net_connections() if c.status == "LISTEN"]
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}

    assert f"up already at {status['url']}" in stack.says("up")
    assert "S3=moto, not none" in stack.says("up", "--s3", "none", exit_code=1)
    assert stack.pids() == pids

    os.kill(pids["scheduler"], signal.SIGKILL)
    assert not stack.status()["healthy"]
    assert stack.pids()["scheduler"] is None
    said = stack.says("up")
    assert "starting scheduler\n" in said
    assert password not in said
    assert stack.pids() | {"scheduler": pids["scheduler"]} == pids
    assert stack.status()["healthy"]

    ports = [service["port"] for service in status["services"] if service["port"]]
    assert len(ports) == 2
    assert all(answers(port) for port in ports)
    assert stack.says("down").startswith("stack: ended ")
    assert stack.processes == []
    for port in ports:
        check_port("port", port)
    assert stack.says("down") == "stack: nothing is up\n"
    assert not stack.status()["up"]
    assert (stack.folder / "airflow" / "airflow.db").exists()


def test_an_interrupted_start_leaves_nothing(stack: Stack) -> None:
    with stack.start("up", "--s3", "moto", *ANY_PORTS) as starting:
        until_recorded(stack, "db-migrate")
        starting.send_signal(signal.SIGINT)
        said, _ = starting.communicate()
    assert starting.returncode == 130, said
    assert "interrupted; what was started is ended" in said
    assert stack.processes == []
    assert not (stack.folder / "state.json").exists()


def test_down_ends_what_a_killed_start_has_left_and_nobody_else(stack: Stack) -> None:
    foreign = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with stack.start("up", "--s3", "moto", *ANY_PORTS) as starting:
        until_recorded(stack, "db-migrate")
        starting.kill()
    state = stack.folder / "state.json"
    document = json.loads(state.read_text())
    lost = document["services"][0]["pid"]
    document["services"][0]["pid"] = foreign.pid
    state.write_text(json.dumps(document))
    assert "db-migrate" in stack.says("down")
    assert find_process(lost) is None
    assert stack.processes == []
    assert foreign.poll() is None
    foreign.kill()
    foreign.wait()


def until_recorded(stack: Stack, name: str) -> None:
    deadline = time.monotonic() + 60
    state = stack.folder / "state.json"
    while not state.exists() or f'"{name}"' not in state.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
