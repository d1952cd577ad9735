"""JSON calls to a local Airflow's api-server, past any proxy."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from infra.airflow.failure import Failure

API = "/api/v2"
PAGE = 100
SECONDS_TO_ANSWER = 30
TRIES = 40
# SQLite was locked. Of 503 Airflow has undone what it began; of 500 it is not known.
LOCKED = {http.client.INTERNAL_SERVER_ERROR, http.client.SERVICE_UNAVAILABLE}
SECONDS_BETWEEN_TRIES = 0.25


class NoAnswer(Exception):  # noqa: N818 - it may answer the next time
    """The api-server is not there, or too slow, this time."""


class Refused(Failure):
    """Airflow answered, with an error; `status` is HTTP's."""

    def __init__(self, status: int, call: str, answer: str) -> None:
        self.status = status
        super().__init__(f"Airflow refused {call} with {status}: {answer}")


class RestApi:
    """Calls below `url`. Raises `NoAnswer` while nobody answers, `Refused` for an error."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def find(self, path: str) -> Any | None:
        """None where there is no such thing."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status != http.client.NOT_FOUND:
                raise
            return None

    def pages(self, path: str, key: str) -> list[dict[str, Any]]:
        """All entries of a listing, however many pages it has."""
        joint = "&" if "?" in path else "?"
        found: list[dict[str, Any]] = []
        while True:
            answer = self.get(f"{path}{joint}limit={PAGE}&offset={len(found)}")
            found += answer[key]
            if len(found) >= answer["total_entries"] or not answer[key]:
                return found

    def put(
        self,
        collection: str,
        name: str,
        body: Mapping[str, Any],
        changed: Mapping[str, Any] | None = None,
    ) -> None:
        """Create an entry, or bring the one of that name to what `body` (or `changed`) says."""
        try:
            self.call_again("POST", collection, body)
        except Refused as refused:
            if refused.status != http.client.CONFLICT:
                raise
            self.call_again("PATCH", f"{collection}/{part(name)}", changed or body)

    def call_again(self, method: str, path: str, body: object = None) -> Any:
        """Call, and again where SQLite was locked: what may be done twice, or is refused then."""
        for _ in range(TRIES - 1):
            try:
                return self.call(method, path, body)
            except Refused as refused:
                if refused.status not in LOCKED:
                    raise
            time.sleep(SECONDS_BETWEEN_TRIES)
        return self.call(method, path, body)

    def call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - always our own http://127.0.0.1
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            },
        )
        try:
            with self._open(request, timeout=SECONDS_TO_ANSWER) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(error.code, f"{method} {path}", _detail(error)) from error
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts among them
            raise NoAnswer(str(error)) from error


def part(text: str) -> str:
    """One part of a path: ids of runs have `+` and `:` in them."""
    return quote(text, safe="~")


def _detail(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return text
