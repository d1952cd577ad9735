"""Which services a stack has, in the order in which they start."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

from infra.airflow.client import AirflowClient
from infra.airflow.services import MIGRATE, airflow_command
from infra.airflow.settings import AirflowSettings
from infra.stack import s3
from infra.stack.folder import StackFolder
from infra.stack.options import NONE, Options
from infra.stack.part import Part
from infra.stack.postgres import Postgres
from infra.stack.spark import spark_part

# Unlike a demo's, its DAGs may change, and it is idle most of the time.
LASTING = {
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
}
# The one variable of an Airflow that a user's shell hands on: where alerts go.
ALERTS = "AIRFLOW_CONN_SHARK_ALERTS"
HEARTBEATS = {"scheduler": "scheduler", "dag-processor": "dag_processor"}


def airflow_settings(folder: StackFolder, options: Options, password: str) -> AirflowSettings:
    """Schedules count here, and DAGs are paused until a person wants them."""
    return AirflowSettings(
        home=folder.airflow,
        database=Postgres(folder.postgres).url if options.db == "postgres" else "",
        port=options.port,
        password=password,
        secret=folder.secret(),
        scheduled=True,
        paused=True,
        variables={**LASTING, **({ALERTS: os.environ[ALERTS]} if ALERTS in os.environ else {})},
    )


def foundation(folder: StackFolder, options: Options) -> list[Part]:
    """What Airflow and its jobs stand on."""
    makers: dict[tuple[str, str], Callable[[], Part]] = {
        ("db", "postgres"): lambda: Postgres(folder.postgres).part(folder.log("postgres")),
        ("s3", "moto"): lambda: s3.s3_part(folder, options.s3_port),
        ("spark", "standalone"): lambda: spark_part(
            folder, options.spark_port, environment(options)
        ),
    }
    return [make() for (name, value), make in makers.items() if getattr(options, name) == value]


def migration(settings: AirflowSettings, options: Options) -> Part:
    """Makes Airflow's database or brings it up to date; ends by itself."""
    return Part(airflow_command(MIGRATE, settings, environment(options)), is_ready=lambda: True)


def airflow_parts(
    settings: AirflowSettings, options: Options, since: datetime | None = None
) -> list[Part]:
    """A scheduler or dag-processor is ready when it has beaten since then: `since`, or lately."""
    client = AirflowClient(settings)

    def beats(service: str) -> bool:
        beat = client.heartbeat(HEARTBEATS[service])
        return beat.is_healthy and (since is None or (beat.last or since) > since)

    def logs_in() -> bool:
        client.log_in()
        return True

    ready: dict[str, Callable[[], bool]] = {
        "api-server": logs_in,
        "scheduler": lambda: beats("scheduler"),
        "dag-processor": lambda: beats("dag-processor"),
    }
    inherited = environment(options)
    ports = {"api-server": "port"}
    return [
        Part(airflow_command(name, settings, inherited), is_ready, ports.get(name))
        for name, is_ready in ready.items()
    ]


def now() -> datetime:
    return datetime.now(UTC)


def environment(options: Options) -> dict[str, str]:
    """Of services that run jobs: with S3=moto its variables in the place of the user's AWS."""
    if options.s3 == NONE:
        return dict(os.environ)
    return {**s3.without_aws(os.environ), **s3.variables(options.s3_port)}
