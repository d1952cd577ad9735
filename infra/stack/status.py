"""What of the stack runs, how it is, and where the last reports are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from infra.airflow.client import AirflowClient
from infra.airflow.failure import Failure
from infra.airflow.rest import NoAnswer
from infra.airflow.settings import USER
from infra.processes.table import memory_bytes
from infra.stack import plan, s3
from infra.stack.folder import StackFolder
from infra.stack.options import NONE, Options
from infra.stack.part import Part
from infra.stack.pipeline_config import DEMO, VARIABLE, stock_config
from infra.stack.reports import StoredReport, last_reports
from infra.stack.state import State, StateFile
from shark_core.errors import SharkError


@dataclass(frozen=True)
class ServiceStatus:
    """`pid` and `memory` (bytes, PSS of it and its children) are None for what does not run."""

    name: str
    pid: int | None
    port: int | None
    memory: int | None
    healthy: bool
    log: str


@dataclass(frozen=True)
class StackStatus:
    """Without services nothing is up. `config` is the pipeline config that DAGs take by default.

    `passwords` is the file with the login; `problem` says why there are no reports to show.
    """

    services: tuple[ServiceStatus, ...]
    url: str
    user: str
    passwords: str
    config: str
    reports: tuple[StoredReport, ...] = ()
    problem: str = ""

    @property
    def up(self) -> bool:
        return bool(self.services)

    @property
    def healthy(self) -> bool:
        return self.up and all(service.healthy for service in self.services)

    @property
    def memory(self) -> int:
        return sum(service.memory or 0 for service in self.services)

    def to_json(self) -> dict[str, Any]:
        derived = {"up": self.up, "healthy": self.healthy, "memory": self.memory}
        return {**derived, **asdict(self)}


def stack_status(folder: StackFolder) -> StackStatus:
    state = StateFile(folder.path).read()
    if state is None:
        return _with_reports(Options(), (), "", str(folder.passwords), DEMO)
    options = state.options
    settings = plan.airflow_settings(folder, options, folder.password()[0])
    parts = [*plan.foundation(folder, options), *plan.airflow_parts(settings, options)]
    services = tuple(_service_status(part, state) for part in parts)
    config = _config(AirflowClient(settings)) or stock_config(folder, options)
    return _with_reports(options, services, settings.url, str(folder.passwords), config)


def _service_status(part: Part, state: State) -> ServiceStatus:
    service = state.service(part.name)
    root = service.root() if service else None
    family = service.family() if service else []
    return ServiceStatus(
        name=part.name,
        pid=root.pid if root else None,
        port=getattr(state.options, part.port) if part.port else None,
        memory=sum(map(memory_bytes, family)) if family else None,
        healthy=root is not None and _is_ready(part.is_ready),
        log=str(part.command.log),
    )


def _is_ready(is_ready: Callable[[], bool]) -> bool:
    try:
        return is_ready()
    except (NoAnswer, Failure):
        return False


def _config(client: AirflowClient) -> str | None:
    """As Airflow has it now; None where it does not say."""
    with suppress(NoAnswer, Failure):
        client.log_in()
        return client.variable(VARIABLE)
    return None


def _with_reports(
    options: Options, services: tuple[ServiceStatus, ...], url: str, passwords: str, config: str
) -> StackStatus:
    reports: tuple[StoredReport, ...] = ()
    problem = ""
    try:
        uses_s3 = options.s3 != NONE
        reports = last_reports(config, s3.variables(options.s3_port) if uses_s3 else {})
    except SharkError as error:
        problem = str(error)
    return StackStatus(services, url, USER, passwords, config, reports, problem)
