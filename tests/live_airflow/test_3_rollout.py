"""Release, retraining with canary, approval and watch, and expiry, as people on call use them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.airflow.states import HitlDetail, RunState
from shark_core.publish.catalog import PRODUCTION, Catalog
from tests.live_airflow.live_airflow import LiveAirflow
from tests.live_airflow.small_lake import DAYS, OTHER_TASTE

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

ROLLOUT = "retrain_and_rollout"


def in_production(catalog: Catalog) -> str:
    head = catalog.head(PRODUCTION)
    assert head is not None
    return head.snapshot_id


def test_a_release_by_hand_moves_the_ref(catalog: Catalog, first_release: str) -> None:
    assert in_production(catalog) == first_release


@pytest.fixture(scope="module")
def rollout(
    airflow: LiveAirflow, first_release: str, two_more_days: list[RunState], catalog: Catalog
) -> RunState:
    """Retrained, better by the canary, approved, promoted; then people's taste changes."""
    conf = {"date": str(DAYS[-1]), "window_days": len(DAYS) - 1}
    conf["watch_date"] = str(OTHER_TASTE)
    run_id = airflow.client.trigger(ROLLOUT, conf)
    request = airflow.wait_for_request(ROLLOUT)
    assert first_release in request.body
    assert "auc_drop: passed" in request.body
    assert in_production(catalog) == first_release  # nothing moves before a person has approved
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


def small_rollout(airflow: LiveAirflow, answer: Callable[[HitlDetail], None]) -> RunState:
    """Up to the day before the last, watched on the last, answered so."""
    conf = {"date": str(DAYS[-2]), "window_days": 2, "watch_date": str(DAYS[-1])}
    run_id = airflow.client.trigger(ROLLOUT, conf)
    answer(airflow.wait_for_request(ROLLOUT))
    return airflow.wait_for_run(ROLLOUT, run_id)


@pytest.fixture(scope="module")
def rejected(airflow: LiveAirflow, rollout: RunState) -> RunState:
    return small_rollout(airflow, airflow.client.reject)


def test_a_rollout_that_is_rejected_moves_nothing(
    airflow: LiveAirflow, rejected: RunState, first_release: str, catalog: Catalog
) -> None:
    assert rejected.state == "success"
    assert airflow.tasks(ROLLOUT, rejected.run_id)["promote"].state == "skipped"
    assert in_production(catalog) == first_release


@pytest.fixture(scope="module")
def rolled_out(airflow: LiveAirflow, rejected: RunState) -> RunState:
    return small_rollout(airflow, airflow.client.approve)


def test_a_guard_that_holds_leaves_the_new_model_in_production(
    airflow: LiveAirflow, rolled_out: RunState, catalog: Catalog
) -> None:
    assert rolled_out.state == "success"
    states = {name: task.state for name, task in airflow.tasks(ROLLOUT, rolled_out.run_id).items()}
    assert (states["rolled-out"], states["rollback"]) == ("success", "skipped")
    retrained = catalog.head(f"retrain-{DAYS[-2]}")
    assert retrained is not None
    assert in_production(catalog) == retrained.snapshot_id


def test_a_rollback_by_hand_goes_back_to_what_was_before(
    airflow: LiveAirflow, rolled_out: RunState, first_release: str, catalog: Catalog
) -> None:
    run_id = airflow.client.trigger("release", {"action": "rollback", "reason": "complaints"})
    assert airflow.wait_for_run("release", run_id).state == "success"
    assert airflow.tasks("release", run_id)["promote"].state == "skipped"
    assert in_production(catalog) == first_release


def test_expiry_says_what_may_go_and_removes_nothing(
    airflow: LiveAirflow, rolled_out: RunState, catalog: Catalog
) -> None:
    before = sorted(snapshot_id for snapshot_id, _ in catalog.manifests())
    run_id = airflow.client.trigger("expire_snapshots", {})
    assert airflow.wait_for_run("expire_snapshots", run_id).state == "success"
    answers = {
        task: airflow.client.xcom("expire_snapshots", run_id, task) or {}
        for task in ("expire-branches", "expire-snapshots")
    }
    assert {answer["applied"] for answer in answers.values()} == {False}
    kept = {each["name"]: each["kept"] for each in answers["expire-branches"]["branches"]}
    assert kept[f"retrain-{DAYS[-1]}"] == "production has its snapshot"
    assert sorted(snapshot_id for snapshot_id, _ in catalog.manifests()) == before
