"""Tells people: in the log always, and to where the Airflow connection `shark_alerts` points.

http, https   one POST of JSON, with the key `text` that chat systems show; a token as its password
smtp, smtps   one mail to the `to` in its extra, from `from` or its login

Only one that comes from the environment, AIRFLOW_CONN_SHARK_ALERTS, tells of missed deadlines too.
Without the connection the log is all. An alert that cannot be sent never fails what it tells of.
"""

from __future__ import annotations

import json
import logging
import re
import smtplib
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSecretsBackendAccessDenied

CONNECTION = "shark_alerts"
JOB_ERROR = re.compile(r"\w+(Error|Failed): ")
SECONDS_TO_SEND = 20
TWO_DAYS = timedelta(days=2)
# Airflow 3.3 lets callbacks of deadlines read no connection of its database.
FOR_DEADLINES = "set AIRFLOW_CONN_SHARK_ALERTS for Airflow's scheduler and workers"

log = logging.getLogger("shark.alerts")


@dataclass(frozen=True)
class Alert:
    """`text`: a line for people; the rest for programs."""

    text: str
    dag: str
    run: str
    task: str = ""
    reason: str = ""
    log_url: str = ""


def alert_failure(context: Mapping[str, Any]) -> None:
    """A task has failed for good: `on_failure_callback`."""
    instance = context["task_instance"]
    # Without an exception it was the scheduler that has given the task up.
    reason = _said(context.get("exception")) or "its worker stopped answering"
    of_day = f" of {day}" if (day := _day(context.get("task"))) else ""
    text = f"{instance.dag_id}{of_day}: {instance.task_id} failed: {_headline(reason)}"
    url = str(getattr(instance, "log_url", ""))
    send(Alert(text, instance.dag_id, instance.run_id, instance.task_id, reason, url))


def alert_deadline(context: Mapping[str, Any], minutes: float) -> None:
    """A run is not done `minutes` after its day's end: the callback of a `DeadlineAlert`.

    Of days of the past, backfilled, caught up or run by hand, nothing is said: they were late
    before they began. Nor of runs by hand at no midnight, which are not of their logical date.
    """
    run = context["dag_run"]
    day, queued = _moment(run["logical_date"]), _moment(run["queued_at"])
    if run["run_type"] == "backfill" or queued >= day + TWO_DAYS or day.time() != time():
        log.info("%s %s is of the past: no deadline", run["dag_id"], run["dag_run_id"])
        return
    text = f"{run['dag_id']} of {day.date()} is not done {minutes:g} minutes after the day's end"
    send(Alert(text, run["dag_id"], run["dag_run_id"], reason="deadline"))


def _moment(told: str) -> datetime:
    return datetime.fromisoformat(told).astimezone(UTC)


def _day(task: Any) -> str:
    """Of a job that is about one; a mapped task's options are its own by then."""
    options = getattr(task, "options", None)
    return str(options.get("--date", "")) if isinstance(options, Mapping) else ""


def _headline(reason: str) -> str:
    """The first line, which has the exit code, and what the job itself says first of its error."""
    first, *lines = reason.splitlines()
    of_job = next((line.strip() for line in lines if JOB_ERROR.match(line)), "")
    return f"{first.split(';')[0]} ({of_job})" if of_job else first


def _said(exception: object) -> str:
    return "" if exception is None else str(exception).strip() or repr(exception)


def send(alert: Alert) -> None:
    log.error("alert: %s", json.dumps(asdict(alert)))
    try:
        connection = BaseHook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        log.info("no connection %s: the log is all", CONNECTION)
        return
    except AirflowSecretsBackendAccessDenied:
        log.error("the connection %s may not be read here: %s", CONNECTION, FOR_DEADLINES)
        return
    sender = SENDERS.get(str(connection.conn_type))
    if sender is None:
        found = connection.conn_type
        log.error("connection %s: expected one of %s, found %s", CONNECTION, [*SENDERS], found)
        return
    try:
        sender(connection, alert)
    except (OSError, HTTPException, smtplib.SMTPException, ValueError, KeyError):
        log.exception("the alert is not sent by connection %s", CONNECTION)


def _post(connection: Connection, alert: Alert) -> None:
    scheme = "https" if "https" in (connection.schema, connection.conn_type) else "http"
    port = f":{connection.port}" if connection.port else ""
    path = str(connection.extra_dejson.get("path", "")).lstrip("/")
    request = urllib.request.Request(  # noqa: S310 - http or https
        f"{scheme}://{connection.host}{port}/{path}",
        data=json.dumps(asdict(alert)).encode(),
        headers={"Content-Type": "application/json"},
    )
    if connection.password:
        request.add_header("Authorization", f"Bearer {connection.password}")
    with urllib.request.urlopen(request, timeout=SECONDS_TO_SEND):  # noqa: S310
        log.info("told %s", connection.host)


def _mail(connection: Connection, alert: Alert) -> None:
    message = EmailMessage()
    message["Subject"] = f"[shark] {alert.text}"
    message["From"] = str(connection.extra_dejson.get("from") or connection.login)
    message["To"] = str(connection.extra_dejson["to"])
    message.set_content("\n".join(f"{key}: {value}" for key, value in asdict(alert).items()))
    kind = smtplib.SMTP_SSL if connection.conn_type == "smtps" else smtplib.SMTP
    with kind(connection.host or "", connection.port or 0, timeout=SECONDS_TO_SEND) as server:
        if connection.password:
            if connection.conn_type == "smtp":
                server.starttls()
            server.login(connection.login or "", connection.password)
        server.send_message(message)
        log.info("told %s", message["To"])


SENDERS: dict[str, Callable[[Connection, Alert], None]] = {
    "http": _post,
    "https": _post,
    "smtp": _mail,
    "smtps": _mail,
}
