"""What a stack is asked to have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from infra.airflow.failure import Failure
from infra.airflow.settings import free_port

NONE = "none"
CHOICES = {"db": ("sqlite", "postgres"), "s3": (NONE, "moto"), "spark": (NONE, "standalone")}
PORTS = ("port", "s3_port", "spark_port")
LARGEST_PORT = 65535


@dataclass(frozen=True)
class Options:
    """Which parts, and the ports of Airflow, S3 and Spark's master on 127.0.0.1."""

    db: str = "sqlite"
    s3: str = NONE
    spark: str = NONE
    port: int = 8080
    s3_port: int = 9000
    spark_port: int = 7077

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise _refused(name, " or ".join(choices), getattr(self, name))
        for name in PORTS:
            if not 0 <= getattr(self, name) <= LARGEST_PORT:
                raise _refused(name, f"0 (any free port) to {LARGEST_PORT}", getattr(self, name))

    def with_free_ports(self) -> Options:
        """The same with a free port in the place of each 0."""
        free = {name: getattr(self, name) or free_port() for name in PORTS}
        return Options(**{**asdict(self), **free})


def variable(name: str) -> str:
    """What `make` calls an option."""
    return name.upper()


def differences(running: Options, asked: Mapping[str, object]) -> list[str]:
    """`DB=sqlite, not postgres` for each option that was asked for and is another one."""
    return [
        f"{variable(name)}={getattr(running, name)}, not {value}"
        for name, value in asked.items()
        if getattr(running, name) != value
    ]


def _refused(name: str, expected: str, found: object) -> Failure:
    return Failure(
        f"{variable(name)} is not valid\n  expected: {expected}\n  found:    {found}\n"
        "  do:       see `python -m infra.stack up --help`"
    )
