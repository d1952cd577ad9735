"""A field that is added to the config: its past, and a model that had always had it."""

from __future__ import annotations

import pytest

from shark_core.lake import partition
from shark_core.publish.catalog import CANDIDATE, PRODUCTION, Catalog
from shark_core.schemas import ACCESS_COUNTS
from tests.live_airflow.conftest import BACKFILL, DAILY, PAST, Beside, FieldBackfill
from tests.live_airflow.live_airflow import LiveAirflow
from tests.live_airflow.small_lake import OTHER_TASTE

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def test_a_dry_run_says_what_it_would_cost_and_does_nothing(begun_backfill: FieldBackfill) -> None:
    plan = begun_backfill.plan
    assert plan["missing_days"] == [str(day) for day in PAST]
    assert plan["records"] == len(PAST) * 4000
    assert plan["traffic_bytes"] > 0
    assert begun_backfill.after_dry_run == begun_backfill.before


def test_only_the_missing_days_are_counted_a_task_each(
    airflow: LiveAirflow, begun_backfill: FieldBackfill, beside: Beside
) -> None:
    assert beside.backfill.state == "success"
    tasks = airflow.client.tasks(BACKFILL, beside.backfill.run_id)
    assert sorted(task.map_index for task in tasks if task.task == "count") == [0, 1]
    new = beside.after.keys() - begun_backfill.before.keys()
    in_the_lake = {path for path in new if "branches" not in path}
    of_the_day_beside = {path for path in in_the_lake if f"ds={OTHER_TASTE}" in path}
    assert not any("field=brand" in path for path in of_the_day_beside)
    assert in_the_lake - of_the_day_beside == {
        partition(ACCESS_COUNTS, day, field="brand").path for day in PAST
    }


def test_days_that_are_there_and_days_beside_it_are_left_as_they_are(
    airflow: LiveAirflow, begun_backfill: FieldBackfill, beside: Beside, catalog: Catalog
) -> None:
    before = begun_backfill.before
    assert {path: beside.after.get(path) for path in before} == before
    day = next(run for run in beside.days if run.day == OTHER_TASTE)
    assert day.state == "success"
    assert {task.attempt for task in airflow.tasks(DAILY, day.run_id).values()} == {1}
    head = catalog.head(CANDIDATE)
    assert head is not None
    assert catalog.snapshot(head.snapshot_id).start.date() > PAST[-1]
    published = {catalog.snapshot(each.snapshot_id).start for each in catalog.history(CANDIDATE)}
    assert OTHER_TASTE in {start.date() for start in published}


def test_the_model_with_the_field_is_published_to_a_ref_of_its_own(
    beside: Beside, catalog: Catalog
) -> None:
    (ref,) = [ref for ref in catalog.refs() if ref.startswith("backfill-")]
    head = catalog.head(ref)
    assert head is not None
    manifest = catalog.snapshot(head.snapshot_id)
    assert manifest.start.date() == PAST[-1]
    assert "brand" in {table.field for table in manifest.tables}
    assert ref != PRODUCTION
