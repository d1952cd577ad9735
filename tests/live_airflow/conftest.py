"""One Airflow for the whole folder; each stage goes on where the one before it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from infra.airflow.states import RunState
from shark_core.lake import MARKER_NAME, Marker
from shark_core.publish.catalog import Catalog
from shark_core.publish.object_store_local import LocalStore
from tests.live_airflow.live_airflow import LiveAirflow
from tests.live_airflow.small_lake import (
    BRAND,
    DAYS,
    FIELDS,
    OTHER_TASTE,
    WITHOUT_TRAFFIC,
    write_config,
)
from tests.live_airflow.starting import running_airflow

DAILY, BACKFILL = "daily_compression", "backfill_fields"
FAILED_ONCE = ("score-fields", DAYS[1])
KILLED_IN = ("train", DAYS[2])
AGAIN = PAST = DAYS[1:3]


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAirflow]:
    with running_airflow(tmp_path_factory.mktemp("live")) as live:
        yield live


@pytest.fixture(scope="session")
def catalog(airflow: LiveAirflow) -> Catalog:
    return Catalog(LocalStore(airflow.root / "registry"), "live")


@pytest.fixture(scope="session")
def five_days(airflow: LiveAirflow) -> list[RunState]:
    """A backfill over past days; the storage is away once, and the scheduler is killed once."""
    airflow.plant_fault(*FAILED_ONCE, 75)
    first, last = str(DAYS[0]), str(DAYS[-1])
    command = ["backfill", "create", "--dag-id", DAILY, "--from-date", first, "--to-date", last]
    with airflow.client.held(DAILY):
        airflow.airflow(*command, "--max-active-runs", "3", "--reprocess-behavior", "failed")
    airflow.wait(lambda: KILLED_IN in _under_way(airflow), f"{KILLED_IN} does not begin")
    airflow.services.kill_one("scheduler")
    airflow.services.start_one("scheduler")
    return airflow.wait_for_runs(DAILY, len(DAYS))


def _under_way(airflow: LiveAirflow) -> set[tuple[str, object]]:
    tasks = airflow.client.tasks(DAILY)
    return {(task.task, task.day) for task in tasks if task.state == "running"}


@dataclass(frozen=True)
class RunTwice:
    """Path → fingerprint of every partition, and which snapshots there are, before and after."""

    before: dict[str, str]
    after: dict[str, str]
    snapshots_before: list[str]
    snapshots_after: list[str]


@pytest.fixture(scope="session")
def run_twice(airflow: LiveAirflow, five_days: list[RunState], catalog: Catalog) -> RunTwice:
    """Two of the days once more, one of them that in which the scheduler was killed."""
    before, snapshots = fingerprints(airflow), snapshot_ids(catalog)
    for run in five_days:
        if run.day in AGAIN:
            airflow.client.clear(DAILY, run.run_id)
    airflow.wait(lambda: _done_again(airflow), "the days do not run again")
    return RunTwice(before, fingerprints(airflow), snapshots, snapshot_ids(catalog))


@pytest.fixture(scope="session")
def first_release(airflow: LiveAirflow, run_twice: RunTwice, catalog: Catalog) -> str:
    """The first day's snapshot in production, by the DAG `release`."""
    oldest = min(
        (catalog.snapshot(snapshot_id) for snapshot_id, _ in catalog.manifests()),
        key=lambda manifest: manifest.start,
    ).snapshot_id
    conf = {"action": "promote", "snapshot": oldest[:8], "reason": "the first one"}
    run_id = airflow.client.trigger("release", conf)
    assert airflow.wait_for_run("release", run_id).state == "success"
    assert airflow.tasks("release", run_id)["rollback"].state == "skipped"
    return oldest


@dataclass(frozen=True)
class FieldBackfill:
    """`plan`: what its dry run said; the fingerprints before both, and after the dry run."""

    plan: dict[str, Any]
    run_id: str
    before: dict[str, str]
    after_dry_run: dict[str, str]


@pytest.fixture(scope="session")
def begun_backfill(airflow: LiveAirflow, first_release: str) -> FieldBackfill:
    """The field `brand` gets its past: what the dry run says, then for real; it goes on."""
    write_config(airflow.folder / "brand.yaml", airflow.root, fields=[*FIELDS, BRAND])
    before = fingerprints(airflow)
    dry = airflow.client.trigger(BACKFILL, _new_field(airflow, dry_run=True))
    assert airflow.wait_for_run(BACKFILL, dry).state == "success"
    assert airflow.tasks(BACKFILL, dry)["train"].state == "skipped"
    plan = airflow.client.xcom(BACKFILL, dry, "plan") or {}
    after = fingerprints(airflow)
    run_id = airflow.client.trigger(BACKFILL, _new_field(airflow, dry_run=False))
    return FieldBackfill(plan, run_id, before, after)


def _new_field(airflow: LiveAirflow, dry_run: bool) -> dict[str, object]:
    return {
        "config": str(airflow.folder / "brand.yaml"),
        "fields": ["brand"],
        "start": str(PAST[0]),
        "end": str(PAST[-1] + timedelta(days=1)),
        "warm_start": "",
        "reason": "brand helps",
        "dry_run": dry_run,
    }


@dataclass(frozen=True)
class Beside:
    """Daily runs and a backfill that went on at the same time; the fingerprints after both."""

    days: list[RunState]
    backfill: RunState
    after: dict[str, str]


@pytest.fixture(scope="session")
def beside(airflow: LiveAirflow, begun_backfill: FieldBackfill) -> Beside:
    airflow.backfill(DAILY, OTHER_TASTE, WITHOUT_TRAFFIC)
    airflow.wait(
        lambda: all(_runs_a_task(airflow, dag_id) for dag_id in (DAILY, BACKFILL)),
        "the days and the backfill do not run at the same time",
    )
    days = airflow.wait_for_runs(DAILY, len(DAYS) + 2)
    backfill = airflow.wait_for_run(BACKFILL, begun_backfill.run_id)
    return Beside(days, backfill, fingerprints(airflow))


@pytest.fixture(scope="session")
def two_more_days(beside: Beside) -> list[RunState]:
    """The day after, and one without traffic."""
    return beside.days


def _runs_a_task(airflow: LiveAirflow, dag_id: str) -> bool:
    return any(task.state == "running" for task in airflow.client.tasks(dag_id))


def _done_again(airflow: LiveAirflow) -> bool:
    last = [task for task in airflow.client.tasks(DAILY) if task.task == "release-candidate"]
    again = [task for task in last if task.day in AGAIN]
    return all(task.state == "success" and task.attempt > 1 for task in again)


def fingerprints(airflow: LiveAirflow) -> dict[str, str]:
    """Of what counts in every partition of the lake, its path first."""
    return {
        str(path.parent.relative_to(airflow.root)): Marker.from_json(path.read_text()).fingerprint
        for path in airflow.root.rglob(MARKER_NAME)
    }


def snapshot_ids(catalog: Catalog) -> list[str]:
    return sorted(snapshot_id for snapshot_id, _ in catalog.manifests())
