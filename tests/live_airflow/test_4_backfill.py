"""A field that is added to the config: its past, and a model that had always had it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.airflow.states import RunState
from shark_core.lake import partition
from shark_core.publish.catalog import PRODUCTION, Catalog
from shark_core.schemas import ACCESS_COUNTS
from tests.live_airflow.conftest import RunTwice, fingerprints
from tests.live_airflow.live_airflow import LiveAirflow
from tests.live_airflow.small_lake import BRAND, DAYS, FIELDS, write_config

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

BACKFILL = "backfill_fields"
PAST = DAYS[1:3]


@pytest.fixture(scope="module")
def with_brand(airflow: LiveAirflow, run_twice: RunTwice) -> Path:
    return write_config(airflow.folder / "brand.yaml", airflow.root, fields=[*FIELDS, BRAND])


def conf(config: Path, dry_run: bool) -> dict[str, object]:
    return {
        "config": str(config),
        "fields": ["brand"],
        "start": str(PAST[0]),
        "end": str(DAYS[3]),
        "warm_start": "",
        "reason": "brand helps",
        "dry_run": dry_run,
    }


def test_a_dry_run_says_what_it_would_cost_and_does_nothing(
    airflow: LiveAirflow, with_brand: Path
) -> None:
    before = fingerprints(airflow)
    run_id = airflow.client.trigger(BACKFILL, conf(with_brand, dry_run=True))
    assert airflow.wait_for_run(BACKFILL, run_id).state == "success"
    plan = airflow.client.xcom(BACKFILL, run_id, "plan")
    assert plan is not None
    assert plan["missing_days"] == [str(day) for day in PAST]
    assert plan["records"] == len(PAST) * 4000
    assert plan["traffic_bytes"] > 0
    assert airflow.tasks(BACKFILL, run_id)["train"].state == "skipped"
    assert fingerprints(airflow) == before


@pytest.fixture(scope="module")
def backfilled(airflow: LiveAirflow, with_brand: Path) -> tuple[RunState, dict[str, str]]:
    """And what the lake was before."""
    before = fingerprints(airflow)
    run_id = airflow.client.trigger(BACKFILL, conf(with_brand, dry_run=False))
    return airflow.wait_for_run(BACKFILL, run_id), before


def test_only_the_missing_days_are_counted_a_task_each(
    airflow: LiveAirflow, backfilled: tuple[RunState, dict[str, str]]
) -> None:
    run, before = backfilled
    assert run.state == "success"
    counts = [task for task in airflow.client.tasks(BACKFILL, run.run_id) if task.task == "count"]
    assert sorted(task.map_index for task in counts) == [0, 1]
    new = {path for path in fingerprints(airflow).keys() - before.keys() if "branches" not in path}
    assert new == {partition(ACCESS_COUNTS, day, field="brand").path for day in PAST}


def test_the_daily_runs_are_left_as_they_are(
    airflow: LiveAirflow, backfilled: tuple[RunState, dict[str, str]], catalog: Catalog
) -> None:
    _, before = backfilled
    after = fingerprints(airflow)
    assert {path: after.get(path) for path in before} == before
    head = catalog.head("candidate")
    assert head is not None
    assert catalog.snapshot(head.snapshot_id).start.date() > PAST[-1]


def test_the_model_with_the_field_is_published_to_a_ref_of_its_own(
    airflow: LiveAirflow, backfilled: tuple[RunState, dict[str, str]], catalog: Catalog
) -> None:
    (ref,) = [ref for ref in catalog.refs() if ref.startswith("backfill-")]
    head = catalog.head(ref)
    assert head is not None
    manifest = catalog.snapshot(head.snapshot_id)
    assert manifest.start.date() == PAST[-1]
    assert "brand" in {table.field for table in manifest.tables}
    assert ref != PRODUCTION
