"""What becomes of a day's plan: proposed, approved, or neither, by what was decided before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jobs.plan_pruning import plan_pruning
from shark_core.errors import DataError
from shark_core.publish.object_store_local import LocalStore
from shark_core.schemas import CHECKPOINT, PLAN
from tests.example_lake import DAY
from tests.jobs.proposed_day import SCORES, TAGS_TOO, decide, plans_of, scored_by_hand, statuses

NEXT, AFTER = DAY + timedelta(days=1), DAY + timedelta(days=2)
NOTHING = {"user": 0.1, "item": 0.5, "tags": 0.2}


def test_a_plan_is_proposed_and_the_result_says_how_to_approve_it(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path)
    result = plan_pruning(context)
    (plan,) = plans_of(context).plans()
    assert statuses(context) == [("2026-01-02", "proposed", ("user",))]
    assert plan.by == "plan-pruning, run nightly-7"
    assert result.headline == f"1 of 3 fields to prune on 2026-01-02; proposed as {plan.plan_id}"
    assert result.figures["approve_it"].endswith(f"approve --config FILE --plan {plan.plan_id}")


def test_a_day_that_is_run_again_proposes_nothing_new(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path)
    plan_pruning(context)
    first = list(plans_of(context).plans())
    again = plan_pruning(context)
    assert list(plans_of(context).plans()) == first
    assert f"plan {first[0].plan_id} waits for approval" in again.headline
    assert "approve_it" in again.figures


def test_a_plan_that_prunes_nothing_is_not_proposed(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path, scores=NOTHING)
    assert plan_pruning(context).headline.endswith("; nothing to propose")
    assert statuses(context) == []


@pytest.mark.parametrize("decisions", [["approved"], ["approved", "applied"]])
def test_what_is_in_force_is_not_proposed_again(tmp_path: Path, decisions: list[str]) -> None:
    plan_pruning(scored_by_hand(tmp_path))
    plan_id = decide(tmp_path, *decisions)
    result = plan_pruning(scored_by_hand(tmp_path, NEXT))
    assert len(statuses(scored_by_hand(tmp_path))) == 1
    assert result.headline.endswith(f"; plan {plan_id} is in force already")
    assert "approve_it" not in result.figures


@pytest.mark.parametrize("decisions", [["rejected"], ["approved", "applied", "rejected"]])
@pytest.mark.parametrize("approval", ["manual", "automatic"])
def test_what_a_person_rejected_is_not_proposed_again(
    tmp_path: Path, decisions: list[str], approval: str
) -> None:
    plan_pruning(scored_by_hand(tmp_path))
    plan_id = decide(tmp_path, *decisions)
    context = scored_by_hand(tmp_path, NEXT, approval=approval)
    told = plan_pruning(context).headline
    assert f"not proposed: plan {plan_id}, of the same fields, was rejected by ann" in told
    assert "(a reason)" in told
    assert len(statuses(context)) == 1


def test_another_set_of_fields_is_proposed_beside_what_waits(tmp_path: Path) -> None:
    plan_pruning(scored_by_hand(tmp_path))
    context = scored_by_hand(tmp_path, NEXT, TAGS_TOO)
    plan_pruning(context)
    assert statuses(context) == [
        ("2026-01-03", "proposed", ("user", "tags")),
        ("2026-01-02", "proposed", ("user",)),
    ]


@pytest.mark.parametrize(
    ("approval", "status"), [("manual", "proposed"), ("automatic", "approved")]
)
def test_what_waits_behind_a_newer_plan_in_force_is_proposed_anew(
    tmp_path: Path, approval: str, status: str
) -> None:
    plan_pruning(scored_by_hand(tmp_path))
    plan_pruning(scored_by_hand(tmp_path, NEXT, TAGS_TOO))
    decide(tmp_path, "approved")
    context = scored_by_hand(tmp_path, AFTER, approval=approval)
    plan_pruning(context)
    assert statuses(context) == [
        ("2026-01-04", status, ("user",)),
        ("2026-01-03", "approved", ("user", "tags")),
        ("2026-01-02", "proposed", ("user",)),
    ]


def test_a_set_that_another_plan_took_the_place_of_is_proposed_anew(tmp_path: Path) -> None:
    for day, scores in ((DAY, SCORES), (NEXT, TAGS_TOO), (AFTER, SCORES)):
        plan_pruning(scored_by_hand(tmp_path, day, scores, approval="automatic"))
    context = scored_by_hand(tmp_path)
    assert statuses(context) == [
        ("2026-01-04", "approved", ("user",)),
        ("2026-01-03", "approved", ("user", "tags")),
        ("2026-01-02", "approved", ("user",)),
    ]


def test_an_earlier_day_that_is_run_later_gets_a_plan_of_its_own(tmp_path: Path) -> None:
    for day in (NEXT, DAY):
        plan_pruning(scored_by_hand(tmp_path, day, approval="automatic"))
    log = plans_of(scored_by_hand(tmp_path))
    plan = log.in_force(DAY)
    assert plan is not None
    assert plan.day == DAY


def test_a_day_that_is_run_again_with_other_scores_is_ruled_by_its_last_approved_plan(
    tmp_path: Path,
) -> None:
    for scores in (SCORES, TAGS_TOO):
        context = scored_by_hand(tmp_path, DAY, scores, approval="automatic")
        plan_pruning(context)
        in_force = plans_of(context).in_force(DAY)
        assert in_force is not None
        assert in_force.plan_id.startswith("2026-01-02")
    assert in_force.pruned == ("user", "tags")
    back = plan_pruning(scored_by_hand(tmp_path, DAY, SCORES, approval="automatic"))
    assert f"gave way to {in_force.plan_id}, which was approved later" in back.headline


def test_a_plan_that_waits_since_an_earlier_day_is_told_with_the_figures_of_today(
    tmp_path: Path,
) -> None:
    plan_pruning(scored_by_hand(tmp_path))
    (plan,) = plans_of(scored_by_hand(tmp_path)).plans()
    told = plan_pruning(scored_by_hand(tmp_path, NEXT, {**SCORES, "user": 0.0004})).headline
    assert f"plan {plan.plan_id} waits for approval; its figures are of 2026-01-02" in told
    assert told.endswith("the predicted loss of 2026-01-03 is 0.0004 [0.00038, 0.00042]")


@pytest.mark.parametrize("writes", [0, 1])
def test_a_job_that_is_ended_while_it_proposes_or_approves_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    context = scored_by_hand(tmp_path, approval="automatic")
    with monkeypatch.context() as patch:
        interrupt_after(patch, writes)
        with pytest.raises(KeyboardInterrupt):
            plan_pruning(context)
    assert [status for _, status, _ in statuses(context)] == ["proposed"] * writes
    plan_pruning(context)
    assert statuses(context) == [("2026-01-02", "approved", ("user",))]


def interrupt_after(patch: pytest.MonkeyPatch, writes: int) -> None:
    """The process is ended right before another write to the registry."""
    original, done = LocalStore.put_if_absent, []

    def put_if_absent(store: LocalStore, key: str, content: bytes) -> bool:
        if len(done) == writes:
            raise KeyboardInterrupt
        done.append(key)
        return original(store, key, content)

    patch.setattr(LocalStore, "put_if_absent", put_if_absent)


def test_scores_of_another_checkpoint_than_the_days_are_refused(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path)
    with context.writer(CHECKPOINT, stage="baseline") as writer:
        writer.write_bytes("weights.safetensors", b"of another training")
        writer.commit({})
    with pytest.raises(DataError, match="importance was made from another checkpoint"):
        plan_pruning(context)
    assert context.lake.find_marker(context.partition(PLAN)) is None
