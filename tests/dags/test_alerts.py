"""Alerts: what is sent to whom, against a real HTTP server, and that none can do harm."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.webhook import Webhook, webhook

pytestmark = pytest.mark.airflow

TASK = SimpleNamespace(
    dag_id="daily_compression", task_id="train", run_id="r7", log_url="http://127.0.0.1/log"
)
CONTEXT = {"task_instance": TASK, "exception": ValueError("train ended with 65\nmore of it")}


@pytest.fixture
def hook(airflow_path: Path) -> Iterator[Webhook]:
    with webhook() as listening:
        yield listening


def connect(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHARK_ALERTS", uri)


def test_a_failure_is_posted_with_what_a_person_needs(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shark_airflow.alerts import alert_failure

    connect(monkeypatch, f"http://:token@127.0.0.1:{hook.port}/?path=services%2Fx")
    alert_failure(CONTEXT)
    (alert,) = hook.received
    assert alert["text"] == "daily_compression: train failed: train ended with 65"
    assert alert["reason"] == "train ended with 65\nmore of it"
    assert (alert["run"], alert["log_url"]) == ("r7", "http://127.0.0.1/log")
    assert alert["path"] == "/services/x"
    assert hook.tokens == ["Bearer token"]


def missed(**changes: str) -> dict[str, Any]:
    """What Airflow tells of the scheduled run of the second, whose deadline was at noon of the
    third."""
    run = {
        "dag_id": "daily_compression",
        "dag_run_id": "r7",
        "run_type": "scheduled",
        "logical_date": "2026-01-02T00:00:00Z",
        "queued_at": "2026-01-03T00:00:03.5Z",
    }
    return {"dag_run": {**run, **changes}}


@pytest.mark.parametrize("queued_at", ["2026-01-03T00:00:03.5Z", "2026-01-03T15:00:00Z"])
def test_a_missed_deadline_is_posted_also_where_airflow_itself_was_late(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, queued_at: str
) -> None:
    from shark_airflow.alerts import alert_deadline

    connect(monkeypatch, f"http://127.0.0.1:{hook.port}")
    alert_deadline(missed(queued_at=queued_at), minutes=720)
    told = hook.received[0]["text"]
    assert told == "daily_compression of 2026-01-02 is not done 720 minutes after the day's end"


@pytest.mark.parametrize(
    "changes",
    [
        {"run_type": "backfill"},
        {"queued_at": "2026-01-04T00:00:00Z"},  # caught up
        {"run_type": "manual", "logical_date": "2026-01-02T10:11:12Z"},  # of the first
    ],
)
def test_of_days_of_the_past_no_deadline_is_told(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    from shark_airflow.alerts import alert_deadline

    connect(monkeypatch, f"http://127.0.0.1:{hook.port}")
    alert_deadline(missed(**changes), minutes=720)
    assert hook.received == []


def test_an_alert_has_the_day_and_the_jobs_own_error(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shark_airflow.alerts import alert_failure

    connect(monkeypatch, f"http://127.0.0.1:{hook.port}")
    error = ValueError(
        "train ended with 65: bad or missing data; not retried, the log says what to do\n"
        "12:00:00 INFO [r7] reading\nDataError: traffic is missing\n  found: none"
    )
    task = SimpleNamespace(options={"--date": "2026-01-02"})
    alert_failure({"task_instance": TASK, "task": task, "exception": error})
    assert hook.received[0]["text"] == (
        "daily_compression of 2026-01-02: train failed: train ended with 65: bad or missing data "
        "(DataError: traffic is missing)"
    )


@pytest.mark.parametrize(
    ("exception", "said"),
    [
        (MemoryError(), "MemoryError()"),
        (ValueError(" "), "ValueError(' ')"),
        (None, "its worker stopped answering"),
    ],
)
def test_a_failure_without_words_is_told_too(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, exception: Exception | None, said: str
) -> None:
    from shark_airflow.alerts import alert_failure

    connect(monkeypatch, f"http://127.0.0.1:{hook.port}")
    alert_failure({"task_instance": TASK, "exception": exception})
    assert hook.received[0]["text"] == f"daily_compression: train failed: {said}"


def test_without_the_connection_the_log_is_all(
    airflow_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException
    from shark_airflow.alerts import alert_failure

    def none(_: str) -> None:
        raise AirflowNotFoundException("none")

    monkeypatch.setattr(BaseHook, "get_connection", none)
    with caplog.at_level(logging.INFO, logger="shark.alerts"):
        alert_failure(CONTEXT)
    assert "train ended with 65" in caplog.text
    assert "no connection shark_alerts" in caplog.text


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://127.0.0.1:1", "is not sent"),
        ("postgres://127.0.0.1", "expected one of"),
        ("smtp://127.0.0.1:1/?to=oncall%40example.com", "is not sent"),
        ("smtp://127.0.0.1:1", "is not sent"),
    ],
)
def test_an_alert_that_cannot_be_sent_fails_nothing(
    airflow_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    uri: str,
    said: str,
) -> None:
    from shark_airflow.alerts import alert_failure

    connect(monkeypatch, uri)
    alert_failure(CONTEXT)
    assert said in caplog.text
