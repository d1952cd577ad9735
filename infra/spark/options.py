"""What a cluster is asked for, checked before any Java starts."""

from __future__ import annotations

import re
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shark_core.errors import ConfigError

LOOPBACK = "127.0.0.1"
LEAST_MEMORY = 512  # MiB; Spark refuses executors below 450
MEBIBYTES = {"m": 1, "g": 1024}


@dataclass(frozen=True)
class ClusterSize:
    """`cores` and `memory` ("1g", "800m") are what each of the `workers` has for executors."""

    workers: int = 2
    cores: int = 1
    memory: str = "1g"

    def __post_init__(self) -> None:
        for name in ("workers", "cores"):
            if getattr(self, name) < 1:
                raise _not_valid(name, "at least 1", getattr(self, name))
        size = re.fullmatch(r"(\d+)([mg])", self.memory)
        if size is None or int(size[1]) * MEBIBYTES[size[2]] < LEAST_MEMORY:
            raise _not_valid("memory", f"{LEAST_MEMORY}m or more, such as 2g", self.memory)


DEFAULT_SIZE = ClusterSize()


def check_port(port: int) -> None:
    """Whether the master can have it; Spark says so after 3 s, in a stack trace."""
    if not 0 <= port < 2**16:
        raise _not_valid("port", "0 to 65535", port)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            raise ConfigError(
                f"port {port} cannot be used",
                expected="a free port for Spark's master",
                found=error,
                where=LOOPBACK,
                remedy="end what listens there, or choose another --port (0: any free one)",
            ) from error


def temporary_folder(parent: Path | None) -> Path:
    """A new folder in `parent`, or where the system has its temporary ones."""
    try:
        return Path(tempfile.mkdtemp(prefix="spark-cluster-", dir=parent)).resolve()
    except OSError as error:
        raise _not_valid("folder", "a folder to make a temporary one in", error) from error


def _not_valid(option: str, expected: str, found: object) -> ConfigError:
    return ConfigError(
        f"--{option} is not valid",
        expected=expected,
        found=found,
        where="what the cluster is asked for",
        remedy="correct it; `python -m infra.spark --help` shows examples",
    )
