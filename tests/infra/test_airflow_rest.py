"""What the REST client makes of an api-server's answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from infra.airflow import rest
from infra.airflow.client import AirflowClient
from infra.airflow.rest import NoAnswer, Refused, RestApi, part
from infra.airflow.settings import AirflowSettings, free_port


class Server(ThreadingHTTPServer):
    """Gives the next of `answers` to each call, and keeps the calls."""

    answers: list[tuple[int, object]]
    calls: list[tuple[str, str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.calls.append((self.command, self.path, body))
        status, document = self.server.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - as the base class calls them

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.answers, running.calls = [], []
        Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def api(server: Server, monkeypatch: pytest.MonkeyPatch) -> RestApi:
    monkeypatch.setattr(rest, "SECONDS_BETWEEN_TRIES", 0)
    return RestApi(f"http://127.0.0.1:{server.server_port}")


def test_a_listing_is_read_to_its_end(server: Server, api: RestApi) -> None:
    server.answers = [
        (200, {"runs": [{"n": 1}, {"n": 2}], "total_entries": 3}),
        (200, {"runs": [{"n": 3}], "total_entries": 3}),
    ]
    assert [run["n"] for run in api.pages("/runs?state=failed", "runs")] == [1, 2, 3]
    assert [path for _, path, _ in server.calls] == [
        "/runs?state=failed&limit=100&offset=0",
        "/runs?state=failed&limit=100&offset=2",
    ]


def test_a_refusal_says_what_was_asked_and_what_was_answered(server: Server, api: RestApi) -> None:
    server.answers = [(400, {"detail": "no such day"})]
    with pytest.raises(Refused, match="POST /runs with 400: no such day"):
        api.call("POST", "/runs", {})


def test_what_is_not_there_is_none_and_no_other_refusal_is(server: Server, api: RestApi) -> None:
    server.answers = [(404, {}), (403, {})]
    assert api.find("/variables/x") is None
    with pytest.raises(Refused):
        api.find("/variables/x")


def test_what_exists_is_changed(server: Server, api: RestApi) -> None:
    server.answers = [(409, {}), (200, {})]
    api.put("/pools", "a b", {"name": "a b"}, {"pool": "a b"})
    assert server.calls == [
        ("POST", "/pools", {"name": "a b"}),
        ("PATCH", "/pools/a%20b", {"pool": "a b"}),
    ]


def test_a_locked_database_is_asked_again_and_nothing_else_is(server: Server, api: RestApi) -> None:
    server.answers = [(503, {}), (500, {}), (200, {"id": 7})]
    assert api.call_again("POST", "/backfills", {}) == {"id": 7}
    server.answers = [(409, {}), (200, {})]
    with pytest.raises(Refused, match="409"):
        api.call_again("POST", "/backfills", {})
    server.answers = [(503, {})] * rest.TRIES
    with pytest.raises(Refused, match="503"):
        api.call_again("POST", "/backfills", {})


def test_what_may_be_done_twice_is(server: Server, api: RestApi) -> None:
    server.answers = [(500, {}), (409, {}), (503, {}), (200, {})]
    api.put("/variables", "a", {"key": "a"})
    assert [method for method, _, _ in server.calls] == ["POST", "POST", "PATCH", "PATCH"]


def test_nobody_there_is_no_answer() -> None:
    with pytest.raises(NoAnswer):
        RestApi(f"http://127.0.0.1:{free_port()}").get("/")


def test_ids_of_runs_are_one_part_of_a_path() -> None:
    assert part("manual__2026-01-01T00:00:00+00:00/x") == (
        "manual__2026-01-01T00%3A00%3A00%2B00%3A00%2Fx"
    )
    assert part("~") == "~"


@pytest.fixture
def client(server: Server, api: RestApi, tmp_path: Path) -> AirflowClient:
    return AirflowClient(AirflowSettings(tmp_path, port=server.server_port))


def test_a_run_that_was_made_in_spite_of_the_answer_is_not_made_twice(
    server: Server, client: AirflowClient
) -> None:
    server.answers = [(500, {}), (409, {})]
    run_id = client.trigger("daily", {})
    assert [body["dag_run_id"] for _, _, body in server.calls] == [run_id, run_id]


def test_a_run_whose_given_name_is_taken_is_refused(server: Server, client: AirflowClient) -> None:
    server.answers = [(409, {})]
    with pytest.raises(Refused, match="409"):
        client.trigger("daily", {}, run_id="mine")


def test_a_backfill_is_asked_for_again_while_its_dag_is_held(
    server: Server, client: AirflowClient
) -> None:
    paused = (200, {"is_paused": False})
    server.answers = [paused, paused, (500, {}), (200, {"id": 7}), paused]
    assert client.backfill("daily", date(2026, 1, 1), date(2026, 1, 2)) == 7
    assert [(method, body and body.get("is_paused")) for method, _, body in server.calls] == [
        ("GET", None),
        ("PATCH", True),
        ("POST", None),
        ("POST", None),
        ("PATCH", False),
    ]
