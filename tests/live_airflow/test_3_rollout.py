"""Release, retraining with canary, approval and watch, and expiry, as people on call use them."""

from __future__ import annotations

import pytest

from infra.airflow.states import RunState
from shark_core.publish.catalog import PRODUCTION, Catalog
from tests.live_airflow.live_airflow import LiveAirflow
from tests.live_airflow.small_lake import DAYS, OTHER_TASTE

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

ROLLOUT = "retrain_and_rollout"


@pytest.fixture(scope="module")
def first_release(airflow: LiveAirflow, two_more_days: list[RunState], catalog: Catalog) -> str:
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


def test_a_release_by_hand_moves_the_ref(catalog: Catalog, first_release: str) -> None:
    head = catalog.head(PRODUCTION)
    assert head is not None
    assert head.snapshot_id == first_release


@pytest.fixture(scope="module")
def rollout(airflow: LiveAirflow, first_release: str, catalog: Catalog) -> RunState:
    """Retrained, better by the canary, approved, promoted; then people's taste changes."""
    conf = {"date": str(DAYS[-1]), "window_days": len(DAYS) - 1}
    conf["watch_date"] = str(OTHER_TASTE)
    run_id = airflow.client.trigger(ROLLOUT, conf)
    request = airflow.wait_for_request(ROLLOUT)
    assert first_release in request.body
    assert "auc_drop: passed" in request.body
    head = catalog.head(PRODUCTION)
    assert head is not None
    assert head.snapshot_id == first_release  # nothing moves before a person has approved
    airflow.client.approve(request)
    return airflow.wait_for_run(ROLLOUT, run_id)


def test_a_broken_guard_rolls_back_and_is_told(
    airflow: LiveAirflow, rollout: RunState, first_release: str, catalog: Catalog
) -> None:
    retrained = catalog.head(f"retrain-{DAYS[-1]}")
    assert retrained is not None
    newest_first = [entry.snapshot_id for entry in catalog.history(PRODUCTION)]
    assert newest_first == [first_release, retrained.snapshot_id, first_release]
    states = {name: task.state for name, task in airflow.tasks(ROLLOUT, rollout.run_id).items()}
    assert states["watch"] == "success"
    assert states["rollback"] == "success"
    assert states["rolled-out"] == "skipped"
    assert rollout.state == "failed"
    (alert,) = [each for each in airflow.alerts.received if each["task"] == "broken"]
    assert "production was rolled back" in alert["text"]
    assert "may not stand in for" in alert["reason"]
    assert "FAILED" in alert["reason"]


def test_the_retrained_model_started_from_production_before_its_window(
    airflow: LiveAirflow, rollout: RunState, first_release: str
) -> None:
    from shark_core.lake import Lake, partition
    from shark_core.schemas import CHECKPOINT

    branch = Lake(str(airflow.root), f"retrain-{DAYS[-1]}")
    marker = branch.marker(partition(CHECKPOINT, DAYS[-1], stage="baseline"))
    assert marker.inputs["snapshot"] == first_release


def test_expiry_says_what_may_go_and_removes_nothing(
    airflow: LiveAirflow, rollout: RunState, catalog: Catalog
) -> None:
    before = sorted(snapshot_id for snapshot_id, _ in catalog.manifests())
    run_id = airflow.client.trigger("expire_snapshots", {})
    assert airflow.wait_for_run("expire_snapshots", run_id).state == "success"
    answer = airflow.client.xcom("expire_snapshots", run_id, "expire-snapshots")
    assert answer is not None
    assert answer["applied"] is False
    (branch,) = airflow.client.xcom("expire_snapshots", run_id, "expire-branches")["branches"]
    assert branch["kept"] == "written to lately"
    assert sorted(snapshot_id for snapshot_id, _ in catalog.manifests()) == before
