"""What is up is written down, whole and for its owner only."""

from __future__ import annotations

import signal
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml

from infra.airflow.failure import Failure
from infra.processes.service import Service
from infra.stack.down import down
from infra.stack.folder import StackFolder
from infra.stack.options import Options
from infra.stack.pipeline_config import DEMO, config_path
from infra.stack.reports import last_reports
from infra.stack.state import State, StateFile
from infra.stack.status import ServiceStatus, StackStatus
from infra.stack.status_text import status_text
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import REPORT

SERVICE = Service(
    name="scheduler",
    owner="/somewhere",
    pid=1,
    started=-5,
    boot="before",
    log="scheduler.log",
    stop_signal=signal.SIGTERM,
    stop_first_only=False,
)


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path)


def test_what_is_written_is_read_by_its_owner_only(file: StateFile) -> None:
    state = State(Options(db="postgres", port=8081), (SERVICE,))
    file.write(state)
    assert file.read() == state
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    file.remove()
    assert file.read() is None


def test_a_service_has_one_record(file: StateFile) -> None:
    newer = replace(SERVICE, pid=2)
    state = State(Options(), (SERVICE,)).with_service(newer)
    assert state.services == (newer,)
    assert state.without("scheduler").services == ()


def test_a_damaged_record_is_told(file: StateFile) -> None:
    file.path.write_text("{}")
    with pytest.raises(Failure, match=r"cannot be read[\s\S]+state.json[\s\S]+make down"):
        file.read()


def test_one_at_a_time(file: StateFile, tmp_path: Path) -> None:
    with file.alone(), pytest.raises(Failure, match="another `make up` or `make down`"):
        down(StackFolder(tmp_path), print)


def test_down_without_a_stack_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    down(StackFolder(tmp_path / "none"), said.append)
    assert said == ["stack: nothing is up"]


def test_login_and_secret_are_kept_and_private(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)
    assert folder.secret() == folder.secret()
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert folder.password()[1]
    folder.airflow.mkdir()
    folder.passwords.write_text('{"admin": "known"}')
    assert folder.password() == ("known", False)
    folder.passwords.write_text("")  # as a killed `up` may leave it
    assert folder.password()[1]


def config_of(folder: Path) -> str:
    document = yaml.safe_load(config_path(DEMO).read_text())
    (folder / "my.yaml").write_text(yaml.safe_dump({**document, "lake": str(folder / "lake")}))
    return str(folder / "my.yaml")


def test_the_last_reports_are_found_newest_first(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    assert last_reports(config_of(tmp_path), {}) == ()
    days = [date(2026, 1, day) for day in (1, 2, 3, 4)]
    for day in days:
        target = partition(REPORT, day)
        with PartitionWriter(lake, target, RunStamp("config", "version")) as writer:
            writer.write_bytes("report.html", day.isoformat().encode())
            writer.commit({})
    found = last_reports(config_of(tmp_path), {})
    assert [report.day for report in found] == days[:0:-1]
    assert [Path(report.page).read_text() for report in found] == [
        "2026-01-04",
        "2026-01-03",
        "2026-01-02",
    ]


def test_a_status_says_what_is_missing_and_where_to_look() -> None:
    api = ServiceStatus("api-server", 11, 8080, 200 * 2**20, True, "api.log")
    gone = ServiceStatus("scheduler", None, None, None, False, "scheduler.log")
    hangs = ServiceStatus("dag-processor", 12, None, 2**20, False, "processor.log")
    status = StackStatus((api, gone, hangs), "http://x", "admin", "passwords.json", "my.yaml")
    said = status_text(status)
    assert "not whole: `make up` starts what is missing" in said
    assert "ended: scheduler.log" in said
    assert "not healthy: processor.log" in said
    assert "201 MiB" in said
    assert "no report yet in the lake of my.yaml" in said
    assert not status.healthy
    assert not StackStatus((), "", "admin", "", "my.yaml").healthy
