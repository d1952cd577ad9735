"""Whether ports can be had: services say so late, in a stack trace."""

from __future__ import annotations

import socket

from infra.airflow.failure import Failure
from infra.airflow.settings import LOOPBACK
from infra.stack.options import variable


def check_port(option: str, port: int) -> None:
    """Raises `Failure` where somebody listens there, or nobody may."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            name = variable(option)
            raise Failure(
                f"{name}={port} cannot be used\n  expected: a free port on {LOOPBACK}\n"
                f"  found:    {error}\n  do:       end what listens there, or choose another one: "
                f"make up {name}={port + 1} (0: any free one)"
            ) from error


def answers(port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex((LOOPBACK, port)) == 0
