"""What is up, written down for whoever comes later: `up` again, `status`, `down`."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra.airflow.failure import Failure
from infra.processes.service import Service
from infra.stack.options import Options


@dataclass(frozen=True)
class State:
    """The services that were started, each under another name, and what was asked for."""

    options: Options
    services: tuple[Service, ...] = ()

    def service(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)

    def is_alive(self, name: str) -> bool:
        service = self.service(name)
        return service is not None and service.root() is not None

    def with_service(self, service: Service) -> State:
        return replace(self, services=(*self.without(service.name).services, service))

    def without(self, name: str) -> State:
        kept = tuple(service for service in self.services if service.name != name)
        return replace(self, services=kept)


class StateFile:
    """`<folder>/state.json`, readable for its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "state.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One `up` or `down` at a time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Failure(
                    f"another `make up` or `make down` is at work in {self._folder}\n"
                    "  do: wait for it, or end it"
                ) from error
            yield

    def read(self) -> State | None:
        """None where nothing was left up."""
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            return State(
                options=Options(**document["options"]),
                services=tuple(Service(**service) for service in document["services"]),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise Failure(
                f"what is up cannot be read\n  expected: JSON as `make up` writes it\n"
                f"  found:    {error}\n  where:    {self.path}\n"
                "  do:       remove that file, then `make down`, which finds what runs by its marks"
            ) from error

    def write(self, state: State) -> None:
        """At once or not at all."""
        new = self.path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(state), file, indent=1)
        new.replace(self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
