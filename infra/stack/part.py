"""A part of the stack: a service with what is done before it starts and how it shows its health."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra.processes.service import Command


def nothing() -> None:
    """For parts that need no preparation."""


@dataclass(frozen=True)
class Part:
    """`is_ready` may raise `NoAnswer`. `port` is the name of the option that has its port."""

    command: Command
    is_ready: Callable[[], bool]
    port: str | None = None
    prepare: Callable[[], None] = nothing
    finish: Callable[[], None] = nothing

    @property
    def name(self) -> str:
        return self.command.name
