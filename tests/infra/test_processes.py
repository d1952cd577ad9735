"""Services are found again by whoever has their record, and ended with all that came of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.processes.ending import end, interrupted_afterwards, kill, kill_marked
from infra.processes.service import Command, Service, marked_by, start
from infra.processes.table import Process, find_process, memory_bytes, send_signal

# A child that has left the session and gives itself a title, over its environment if it may.
FAMILY = """\
import subprocess, sys, time
child = "import setproctitle, time; setproctitle.setproctitle('x' * 500); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
print("up", flush=True)
time.sleep(60)
"""
WITHOUT_MARKS = """\
import subprocess, sys, time
for leaves in (False, True):
    child = [sys.executable, "-c", "import time; time.sleep(60)"]
    subprocess.Popen(child, env={}, start_new_session=leaves)
print("up", flush=True)
time.sleep(60)
"""
STUBBORN = """\
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
TELLS = """\
import signal, subprocess, sys, time
child = '''
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: (print("child was asked", flush=True), sys.exit()))
print("up", flush=True)
time.sleep(60)
'''
child = subprocess.Popen([sys.executable, "-c", child])
signal.signal(signal.SIGINT, lambda *_: sys.exit())
time.sleep(60)
"""


class Started:
    """Services of one test, each logging into its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[subprocess.Popen[bytes]] = []

    @property
    def owner(self) -> str:
        return str(self.folder)

    def log(self, name: str) -> str:
        return (self.folder / name).read_text()

    def start(self, program: str, name: str = "service", **how: object) -> Service:
        command = Command(
            name=name,
            arguments=[sys.executable, "-c", program],
            folder=self.folder,
            log=self.folder / name,
            environment=dict(os.environ),
            **how,  # type: ignore[arg-type]
        )
        service, child = start(command, self.owner)
        self.children.append(child)
        until(lambda: "up" in self.log(name))
        return service


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    services = Started(tmp_path)
    yield services
    kill_marked(services.owner)
    for child in services.children:
        child.kill()
        child.wait()


def until(is_so: object) -> None:
    deadline = time.monotonic() + 20
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_family_is_known_when_its_parent_has_been_killed(started: Started) -> None:
    service = started.start(FAMILY)
    until(lambda: any(is_titled(process) for process in service.family()))
    os.kill(service.pid, signal.SIGKILL)
    until(lambda: service.root() is None)
    (own,) = service.family()
    assert own.session == own.pid
    assert marked_by(started.owner) == [own]
    end([service])
    assert find_process(own.pid) is None


def is_titled(process: Process) -> bool:
    return Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"xxx")


def test_all_of_a_family_ends_with_it(started: Started) -> None:
    service = started.start(WITHOUT_MARKS)
    until(lambda: len(service.family()) == 3)
    family = service.family()
    kill(service.family)
    assert [process for process in family if find_process(process.pid)] == []


def test_who_has_the_number_of_one_that_has_ended_is_left_alone(started: Started) -> None:
    foreign = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started.children.append(foreign)
    service = started.start(STUBBORN)
    now = find_process(foreign.pid)
    assert now is not None
    reused = replace(service, name="another", pid=foreign.pid, started=now.started - 1)
    other_boot = replace(reused, started=now.started, boot="before")
    for record in (reused, other_boot):
        assert record.root() is None
        assert record.family() == []
        end([record], seconds=0)
    assert foreign.poll() is None


def test_a_signal_goes_to_nobody_else(started: Started) -> None:
    service = started.start(STUBBORN)
    root = service.root()
    assert root is not None
    send_signal(replace(root, started=root.started + 1), signal.SIGKILL)
    time.sleep(0.2)
    assert service.root() == root
    send_signal(root, signal.SIGKILL)
    until(lambda: service.root() is None)


def test_what_does_not_end_when_asked_is_killed(started: Started) -> None:
    service = started.start(STUBBORN)
    began = time.monotonic()
    end([service], seconds=0.5)
    assert service.root() is None
    assert 0.5 <= time.monotonic() - began < 5


def test_one_that_ends_its_children_itself_is_asked_alone(started: Started) -> None:
    service = started.start(TELLS, stop_signal=signal.SIGINT, stop_first_only=True)
    end([service], seconds=0.5)
    assert "child was asked" not in started.log("service")
    service = started.start(TELLS, name="all", stop_signal=signal.SIGINT)
    end([service], seconds=5)
    assert "child was asked" in started.log("all")


def test_services_of_one_owner_are_told_apart(started: Started) -> None:
    one, other = started.start(STUBBORN, "one"), started.start(STUBBORN, "other")
    kill_marked(started.owner, "one")
    assert one.root() is None
    assert other.family() == [other.root()]


def test_memory_is_that_of_living_processes(started: Started) -> None:
    root = started.start(STUBBORN).root()
    assert root is not None
    assert 2**20 < memory_bytes(root) < 2**30
    kill_marked(started.owner)
    assert memory_bytes(root) == 0


def test_an_interrupt_takes_effect_when_what_is_started_is_known() -> None:
    started: list[str] = []

    def start_interrupted() -> None:
        with interrupted_afterwards():
            signal.raise_signal(signal.SIGINT)
            started.append("daemon")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start_interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert started == ["daemon"]
