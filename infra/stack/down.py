"""Ends the stack: exactly what `up` started, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

from infra.airflow.services import SERVICES
from infra.processes.ending import end, kill_marked, uninterrupted
from infra.processes.service import Service, marked_by
from infra.stack.folder import StackFolder
from infra.stack.state import StateFile

SECONDS_TO_STOP = 10.0


def down(folder: StackFolder, say: Callable[[str], None]) -> None:
    """Airflow first, then what it stands on. Data stays: database, logs, lake."""
    file = StateFile(folder.path)
    with file.alone(), uninterrupted():
        state = file.read()
        services = state.services if state else ()
        ended = [service.name for service in services if service.family()]
        for group in ([s for s in services if s.name in SERVICES], _others(services)):
            end(group, SECONDS_TO_STOP)
        if strays := marked_by(folder.owner):
            ended.append(f"{len(strays)} processes that nothing was written down of")
            kill_marked(folder.owner)
        file.remove()
        say(f"stack: ended {', '.join(ended)}" if ended else "stack: nothing is up")


def _others(services: tuple[Service, ...]) -> list[Service]:
    return [service for service in services if service.name not in SERVICES]
