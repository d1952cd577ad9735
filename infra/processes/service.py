"""A service: started in a session of its own, found again by whoever has its record.

    record, child = start(command, owner)   child: for whoever started it, to wait for
    record.root()                           its first process, None once that has ended
    record.family()                         that, and all that came of it

A process belongs to a service by descent, by session, or by the marks in its environment, which all
inherit: jobs in sessions of their own, and what lives on when its parents have been killed.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.processes.table import (
    Process,
    all_processes,
    boot_id,
    environment_has,
    find_process,
)

OWNER, NAME = "SHARK_SERVICE_OWNER", "SHARK_SERVICE"
# Airflow's processes give themselves titles; by default those are written over their environment.
MARKS_STAY = {"SPT_NOENV": "1"}
ENDED_AT_ONCE = -1


@dataclass(frozen=True)
class Command:
    """What to start, and how it is asked to end: all its processes, or the first one only.

    `account` is the user that it runs as, None for the one that starts it.
    """

    name: str
    arguments: Sequence[str]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(repr=False)
    stop_signal: int = signal.SIGTERM
    stop_first_only: bool = False
    account: str | None = None


@dataclass(frozen=True)
class Service:
    """The record of one that was started: plain values, so that it can be written down."""

    name: str
    owner: str
    pid: int
    started: int
    boot: str
    log: str
    stop_signal: int
    stop_first_only: bool

    def root(self) -> Process | None:
        """None where it has ended, also where another process has its number by now."""
        process = find_process(self.pid)
        is_it = process and process.started == self.started and self.boot == boot_id()
        return process if is_it else None

    def family(self) -> list[Process]:
        """Its first process, if that lives, and every other one that came of it, oldest first."""
        processes = list(all_processes())
        root = self.root()
        members = {process for process in processes if self._has_marked(process)}
        if root is not None:
            members |= {process for process in processes if process.session == root.pid}
        while more := _children(processes, members) - members:
            members |= more
        return sorted(members, key=lambda process: process.started)

    def _has_marked(self, process: Process) -> bool:
        return environment_has(process, {OWNER: self.owner, NAME: self.name})


def start(command: Command, owner: str) -> tuple[Service, subprocess.Popen[bytes]]:
    """Start it; `owner` is what all services of one starter are marked with."""
    with command.log.open("ab") as log:
        child = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env={**command.environment, OWNER: owner, NAME: command.name, **MARKS_STAY},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is its starter's, who ends services in order
            **as_account(command.account),
        )
    process = find_process(child.pid)
    service = Service(
        name=command.name,
        owner=owner,
        pid=child.pid,
        started=process.started if process else ENDED_AT_ONCE,
        boot=boot_id(),
        log=str(command.log),
        stop_signal=command.stop_signal,
        stop_first_only=command.stop_first_only,
    )
    return service, child


def as_account(account: str | None) -> dict[str, Any]:
    """What makes a subprocess run as that user, with its groups and no others."""
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    groups = os.getgrouplist(account, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}


def marked_by(owner: str, name: str | None = None) -> list[Process]:
    """The processes of all services of `owner`, or of the one with that name, recorded or not."""
    marks = {OWNER: owner, **({NAME: name} if name else {})}
    return [process for process in all_processes() if environment_has(process, marks)]


def _children(processes: Sequence[Process], parents: set[Process]) -> set[Process]:
    numbers = {parent.pid for parent in parents}
    return {process for process in processes if process.parent in numbers}
