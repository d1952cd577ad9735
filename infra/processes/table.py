"""What Linux says of processes: who started whom, since when, with which memory."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
ENDED = "ZX"  # zombies are ended: only their parent can make them go
GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True)
class Process:
    """One that lives; `started` in clock ticks of this machine, so never twice with `pid`."""

    pid: int
    parent: int
    session: int
    started: int


def find_process(pid: int) -> Process | None:
    """None where nothing lives under that number."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except GONE:
        return None
    state, parent, _group, session, *others = stat.rpartition(")")[2].split()
    if state in ENDED:
        return None
    return Process(pid, int(parent), int(session), started=int(others[15]))


def lives(process: Process) -> bool:
    """Whether it is still there, itself and not another one with its number."""
    now = find_process(process.pid)
    return now is not None and now.started == process.started


def all_processes() -> Iterator[Process]:
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (process := find_process(int(entry.name))):
            yield process


def environment_has(process: Process, variables: Mapping[str, str]) -> bool:
    """Whether it was started with them; no for what is not ours to read."""
    wanted = {f"{name}={value}".encode() for name, value in variables.items()}
    with suppress(PermissionError, *GONE):
        content = (PROC / str(process.pid) / "environ").read_bytes()
        return wanted <= {*content.split(b"\0")}
    return False


def memory_bytes(process: Process) -> int:
    """Its share of memory (PSS): what it shares with others is counted once over all of them."""
    with suppress(PermissionError, *GONE):
        for line in (PROC / str(process.pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def send_signal(process: Process, number: int) -> None:
    """To exactly this process: nothing happens where it has ended, whoever has its number now."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if lives(process):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def boot_id() -> str:
    """Another one after each start of the machine, which begins counting ticks anew."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()
