"""Starts parts of the stack, keeps what is written down in step, and can take all of it back."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.airflow.failure import Failure, tail
from infra.airflow.readiness import wait_until
from infra.processes.ending import end, kill_marked
from infra.processes.service import start
from infra.stack.folder import StackFolder
from infra.stack.part import Part
from infra.stack.state import State, StateFile


class Starter:
    """`state` is what is up; `started` are the names of what this one has started."""

    def __init__(self, folder: StackFolder, state: State, say: Callable[[str], None]) -> None:
        self.state = state
        self.started: list[str] = []
        self._folder = folder
        self._file = StateFile(folder.path)
        self._say = say
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, parts: Sequence[Part]) -> None:
        """All at once, then wait until each is ready."""
        begun = time.monotonic()
        for part in parts:
            self._start(part)
        for part in parts:
            log = Path(part.command.log)
            wait_until(part.is_ready, self.check, f"{part.name} is not ready", log)
            part.finish()
            self._say(f"  {part.name:<14}{time.monotonic() - begun:5.1f} s")

    def run(self, part: Part) -> None:
        """Start what ends by itself, and wait for that."""
        begun = time.monotonic()
        self._start(part)
        if exit_code := self._children.pop(part.name).wait():
            shown = tail(Path(part.command.log))
            raise Failure(f"{part.name} ended with {exit_code}\n{shown}")
        self.started.remove(part.name)
        self._write(self.state.without(part.name))
        self._say(f"  {part.name:<14}{time.monotonic() - begun:5.1f} s")

    def _start(self, part: Part) -> None:
        """What outlived an earlier one of that name goes first."""
        kill_marked(self._folder.owner, part.name)
        part.prepare()
        self.started.append(part.name)
        service, self._children[part.name] = start(part.command, self._folder.owner)
        self._write(self.state.with_service(service))

    def check(self) -> None:
        """Raises `Failure` if something that this one has started has ended."""
        for name, child in self._children.items():
            if child.poll() is not None:
                service = self.state.service(name)
                shown = tail(Path(service.log)) if service else ""
                raise Failure(f"{name} ended with {child.returncode}\n{shown}")

    def undo(self) -> None:
        """End what this one has started, last first; what was up before stays up."""
        for name in reversed(self.started):
            if service := self.state.service(name):
                end([service])
            kill_marked(self._folder.owner, name)
            self._write(self.state.without(name))
        for child in self._children.values():
            child.wait()

    def _write(self, state: State) -> None:
        self.state = state
        if state.services:
            self._file.write(state)
        else:
            self._file.remove()
