"""Ends services: politely, then for good, and waits until nothing of them is left."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from infra.processes.service import Service, marked_by
from infra.processes.table import Process, lives, send_signal

SECONDS_TO_STOP = 5.0
POLL_SECONDS = 0.1
SECONDS_TO_DIE = 30.0
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end(services: Sequence[Service], seconds: float = SECONDS_TO_STOP) -> None:
    """End them and all that came of them; what is left after `seconds` is killed.

    While any of them lives only those are looked for that were there: the whole search is dear.
    """
    known: list[Process] = []
    for service in services:
        members = service.family()
        root = service.root()
        asked = [process for process in members if not service.stop_first_only or process == root]
        _send(asked, service.stop_signal)
        known += members
    deadline = time.monotonic() + seconds
    while any(map(lives, known)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    kill(lambda: _families(services))


def kill_marked(owner: str, name: str | None = None) -> None:
    """Kill what carries these marks: what nobody came to record, or what outlived its service."""
    kill(lambda: marked_by(owner, name))


def kill(members: Callable[[], Sequence[Process]]) -> None:
    """SIGKILL them, and again whoever they started meanwhile, until there is nobody.

    They are stopped first: who is killed before its children could not be asked for them any more,
    and who still runs could start others. Raises `TimeoutError` where the system does not end them.
    """
    deadline = time.monotonic() + SECONDS_TO_DIE
    while found := members():
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes that SIGKILL does not end: {found}")
        _send(found, signal.SIGSTOP)
        _send(members(), signal.SIGKILL)
        time.sleep(POLL_SECONDS)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM do nothing inside: what is being ended shall end."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect at the end: what is started inside is known by then."""
    came: list[int] = []
    with _handled_by(lambda number, _: came.append(number)):
        yield
    for number in came:
        signal.raise_signal(number)


@contextmanager
def _handled_by(handler: Callable[[int, Any], object] | signal.Handlers) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in ENDINGS}
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)


def _families(services: Iterable[Service]) -> list[Process]:
    return [process for service in services for process in service.family()]


def _send(processes: Iterable[Process], number: int) -> None:
    for process in processes:
        send_signal(process, number)
