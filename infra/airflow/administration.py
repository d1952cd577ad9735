"""What an Airflow needs beside its DAGs: variables, connections, pools."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.airflow.rest import API, RestApi, part

POOLS = Path(__file__).with_name("pools.json")  # as `airflow pools import` reads them


@dataclass(frozen=True)
class Connection:
    """An Airflow Connection; `extra` is JSON."""

    connection_id: str
    conn_type: str
    host: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    schema: str | None = None
    extra: str | None = field(default=None, repr=False)


class Administration:
    """Each `set_…` creates the entry, or changes the one of that name."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    def variable(self, key: str) -> str | None:
        found = self._api.find(f"{API}/variables/{part(key)}")
        return found and found["value"]

    def set_variable(self, key: str, value: str, description: str = "") -> None:
        body = {"key": key, "value": value, "description": description}
        self._api.put(f"{API}/variables", key, body)

    def set_connection(self, connection: Connection) -> None:
        self._api.put(f"{API}/connections", connection.connection_id, asdict(connection))

    def pools(self) -> dict[str, int]:
        """Slots by name."""
        found = self._api.pages(f"{API}/pools", "pools")
        return {pool["name"]: pool["slots"] for pool in found}

    def set_pool(
        self, name: str, slots: int, description: str = "", include_deferred: bool = False
    ) -> None:
        settings = {
            "slots": slots,
            "description": description,
            "include_deferred": include_deferred,
        }
        # Airflow calls its name `name` where it is created and `pool` where it is changed.
        self._api.put(f"{API}/pools", name, {"name": name, **settings}, {"pool": name, **settings})

    def make_pools(self, file: Path = POOLS) -> None:
        """A task whose pool does not exist is never scheduled, and says so nowhere.

        Pools that exist keep their slots: a person may have changed them.
        """
        known = self.pools()
        for name, settings in json.loads(file.read_text(encoding="utf-8")).items():
            if name not in known:
                self.set_pool(name, **settings)
