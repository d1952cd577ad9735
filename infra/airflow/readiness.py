"""Waits until a local Airflow answers, knows its DAGs and has its pools."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from infra.airflow.client import AirflowClient
from infra.airflow.failure import Failure, tail
from infra.airflow.rest import NoAnswer
from infra.airflow.services import AirflowServices, log_of
from infra.airflow.settings import AirflowSettings

SECONDS_TO_START = 300
SECONDS_FOR_OTHER_FILES = 15  # an error may be one file's, and the DAGs in another
POLL_SECONDS = 0.5


def connect(services: AirflowServices, dag_ids: Sequence[str]) -> AirflowClient:
    """A client that has logged in, once the DAGs are read and the pools are made."""
    client = wait_for_answer(services.settings, services.check)
    client.make_pools()
    wait_for_dags(client, dag_ids, services.check)
    return client


def wait_for_answer(settings: AirflowSettings, check: Callable[[], None]) -> AirflowClient:
    """Wait until somebody can log in; `check` raises if a service is gone."""
    client = AirflowClient(settings)

    def answers() -> bool:
        client.log_in()
        return True

    wait_until(answers, check, "Airflow does not answer", log_of("api-server", settings))
    return client


def wait_for_dags(client: AirflowClient, dag_ids: Sequence[str], check: Callable[[], None]) -> None:
    """`Failure` with Airflow's words where a DAG is missing and files cannot be read."""
    patience = time.monotonic() + SECONDS_FOR_OTHER_FILES

    def all_known() -> bool:
        if all(client.knows_dag(dag_id) for dag_id in dag_ids):
            return True
        if time.monotonic() > patience and (errors := client.import_errors()):
            raise Failure("Airflow cannot read the DAGs\n" + "\n".join(errors))
        return False

    wait_until(all_known, check, f"Airflow has not read {', '.join(dag_ids)}")


def wait_until(
    is_so: Callable[[], bool], check: Callable[[], None], otherwise: str, log: Path | None = None
) -> None:
    """Poll; while Airflow does not answer, it is not so. `Failure` after `SECONDS_TO_START`."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        check()
        with suppress(NoAnswer):
            if is_so():
                return
        time.sleep(POLL_SECONDS)
    raise Failure(f"{otherwise} after {SECONDS_TO_START} s" + (f"\n{tail(log)}" if log else ""))
