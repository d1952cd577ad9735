"""The stack's status for people."""

from __future__ import annotations

from infra.stack.status import ServiceStatus, StackStatus

MEBIBYTE = 2**20
HEADER = f"  {'service':<14}{'pid':>8}{'port':>7}{'memory':>10}  health"


def status_text(status: StackStatus) -> str:
    return "\n".join([*(_services(status) if status.up else _nothing()), *_reports(status)])


def _nothing() -> list[str]:
    return ["stack: nothing is up (make up)"]


def _services(status: StackStatus) -> list[str]:
    state = "up" if status.healthy else "not whole: `make up` starts what is missing"
    return [
        f"stack: {state}, {status.url}",
        f"  login: {status.user}, with the password in {status.passwords}",
        HEADER,
        *map(_line, status.services),
        f"  {'in all':<29}{_mebibytes(status.memory):>10}",
    ]


def _line(service: ServiceStatus) -> str:
    """`  scheduler         1234           312 MiB  healthy`"""
    health = "healthy" if service.healthy else f"not healthy: {service.log}"
    return (
        f"  {service.name:<14}{service.pid or '-':>8}{service.port or '':>7}"
        f"{_mebibytes(service.memory):>10}  {health if service.pid else f'ended: {service.log}'}"
    )


def _mebibytes(size: int | None) -> str:
    return "-" if size is None else f"{size / MEBIBYTE:.0f} MiB"


def _reports(status: StackStatus) -> list[str]:
    if status.problem:
        return [f"the lake of {status.config} cannot be read", status.problem]
    if not status.reports:
        return [f"no report yet in the lake of {status.config}"]
    lines = [f"  {report.day}  {report.page}" for report in status.reports]
    return [f"last reports in the lake of {status.config}", *lines]
