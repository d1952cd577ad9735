"""Jobs on a branch: the lake's day stays as it is, and what the branch has not is the lake's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobs.assign_tiers import assign_tiers
from jobs.context import DayContext
from jobs.finetune import finetune
from jobs.plan_pruning import plan_pruning
from jobs.prune_fields import prune_fields
from jobs.release_candidate import release_candidate
from jobs.report import report
from jobs.shadow_evaluate import Shadow, shadow_evaluate
from jobs.train import Retraining, train
from shark_core.errors import ConfigError, DataError, GateFailed
from shark_core.lake import Lake, partition
from shark_core.report.stored import read_report
from shark_core.schemas import CHECKPOINT, EXAMPLES
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import SlicePart, held_out_test_slice, holdout_cut, window_slice
from tests.example_lake import DAY
from tests.jobs.compressed_day import EASY_GATES, FAILING_GATES, head, next_day, run_to_publish
from tests.jobs.proposed_day import plans_of

BRANCH = "backfill-tags"
OTHER_TIERS = {"int8_below": 1, "fp16_below": 9}
STRICT = {"max_auc_drop": 0.0, "max_log_loss_increase": 0.0, "min_compression_ratio": 0.0}


@pytest.fixture
def published(make_context: Any) -> DayContext:
    context: DayContext = make_context()
    run_to_publish(context)
    return context


def on_branch(published: DayContext, make_context: Any) -> DayContext:
    """The same day with other tiers, compressed and published on a branch of the same lake."""
    branch = replace(make_context(tiers=OTHER_TIERS), branch=BRANCH)
    for job in (assign_tiers, finetune):
        job(branch)
    run_to_publish(branch)
    return branch


def files_of(lake: Path, *without: str) -> dict[str, bytes]:
    files = {path.relative_to(lake): path for path in lake.rglob("*") if path.is_file()}
    kept = {name: path for name, path in files.items() if name.parts[0] not in without}
    return {str(name): path.read_bytes() for name, path in kept.items()}


def test_the_lakes_day_and_its_refs_stay_as_they_are(
    published: DayContext, make_context: Any
) -> None:
    lake, candidate = Path(published.config.lake), head(published, "candidate")
    before = files_of(lake, "branches", "registry")
    branch = on_branch(published, make_context)
    assert files_of(lake, "branches", "registry") == before
    assert head(published, "candidate") == candidate
    assert head(published, BRANCH) not in (None, candidate)
    report(branch)
    assert read_report(branch.lake, DAY).snapshot_id == head(published, BRANCH)
    baseline = published.partition(CHECKPOINT, stage="baseline")  # the branch has none of its own
    assert branch.lake.marker(baseline) == published.lake.marker(baseline)


def test_a_branch_goes_by_the_plan_in_force_and_decides_nothing(published: DayContext) -> None:
    before = [(entry.plan_id, entry.status) for entry in plans_of(published).plans()]
    branch = replace(published, branch=BRANCH)
    assert "not proposed" in plan_pruning(branch).headline
    assert before[0][0] in prune_fields(branch).headline
    assert [(entry.plan_id, entry.status) for entry in plans_of(published).plans()] == before


@pytest.mark.parametrize("name", ["production", "candidate", "../x", "a/b", "A", "two words"])
def test_a_name_that_is_no_branch_is_refused(published: DayContext, name: str) -> None:
    with pytest.raises(ConfigError, match="not a name of a branch"):
        Lake(published.config.lake, name)


def test_a_branch_is_not_released_as_the_days_candidate(published: DayContext) -> None:
    with pytest.raises(ConfigError, match="a branch has no candidate"):
        release_candidate(replace(published, branch=BRANCH))


def shadow_of(context: DayContext, *days: int) -> Shadow:
    chosen = [DAY + timedelta(days=day) for day in days]
    return Shadow(context.config, BRANCH, "candidate", chosen)


def test_two_snapshots_are_judged_on_the_same_traffic(
    published: DayContext, make_context: Any
) -> None:
    branch = on_branch(published, make_context)
    figures = shadow_evaluate(shadow_of(branch, 1), "no_worse").figures
    assert (figures["snapshot"], figures["against"]) == (
        head(branch, BRANCH),
        head(branch, "candidate"),
    )
    assert figures["examples"] == branch.lake.marker(partition(EXAMPLES, DAY + timedelta(1))).rows
    assert figures["auc_difference"] == pytest.approx(figures["auc"] - figures["auc_against"])


def test_a_snapshot_is_not_judged_on_a_day_that_it_has_seen(
    published: DayContext, make_context: Any
) -> None:
    branch = on_branch(published, make_context)
    with pytest.raises(ConfigError, match="judged on a day that it has seen"):
        shadow_evaluate(shadow_of(branch, -1, 1), "no_worse")


def test_of_the_day_that_a_snapshot_is_of_only_the_test_slice_judges_it(
    published: DayContext, make_context: Any
) -> None:
    branch = on_branch(published, make_context)
    figures = shadow_evaluate(shadow_of(branch, 0), "no_worse").figures
    test_slice = held_out_test_slice(branch.lake, branch.config, DAY)
    reader = ExampleReader(branch.lake, branch.config, test_slice)
    assert figures["examples"] == sum(len(batch) for batch in reader.batches(64))


def test_as_of_a_day_a_ref_is_what_it_was_by_then(published: DayContext, make_context: Any) -> None:
    branch, first = on_branch(published, make_context), head(published, "candidate")
    run_to_publish(next_day(published))
    assert head(published, "candidate") != first
    shadow = replace(shadow_of(branch, 0), as_of=True)
    assert shadow_evaluate(shadow, "no_worse").figures["against"] == first
    with pytest.raises(ConfigError, match="judged on a day that it has seen"):
        shadow_evaluate(shadow_of(branch, 0), "no_worse")


def test_a_snapshot_whose_own_gates_failed_does_not_stand_in(
    published: DayContext, make_context: Any
) -> None:
    branch = on_branch(published, partial(make_context, gates={**EASY_GATES, **FAILING_GATES}))
    with pytest.raises(GateFailed, match="compression_ratio"):
        shadow_evaluate(shadow_of(branch, 1), "no_worse")


def test_a_rollout_must_be_shown_to_be_no_worse_a_watch_alarms_at_what_is_shown_to_be_worse(
    published: DayContext, make_context: Any
) -> None:
    branch = on_branch(published, make_context)
    strict = replace(branch, config=make_context(gates=STRICT).config)
    with pytest.raises(GateFailed, match="may not stand in for"):
        shadow_evaluate(shadow_of(strict, 1), "no_worse")
    shadow_evaluate(shadow_of(strict, 1), "not_broken")


def test_a_window_is_trained_on_whole_days_and_the_last_ones_head(published: DayContext) -> None:
    second = next_day(published)
    branch = replace(second, branch=BRANCH)
    train(branch, Retraining(since=DAY))
    marker = branch.marker(CHECKPOINT, stage="baseline")
    days = (DAY, second.day)
    assert {*marker.inputs} == {partition(EXAMPLES, day).path for day in days}
    cut = holdout_cut(branch.lake, branch.config, second.day)
    window = window_slice(branch.lake, branch.config, DAY, second.day)
    assert window.parts == (SlicePart(DAY), SlicePart(second.day, end=cut))


def test_a_window_with_a_day_missing_or_the_wrong_way_round_is_refused(
    published: DayContext,
) -> None:
    with pytest.raises(DataError, match="examples is missing"):
        train(replace(published, branch=BRANCH), Retraining(since=DAY - timedelta(days=1)))
    with pytest.raises(ConfigError, match="ends before it begins"):
        train(replace(published, branch=BRANCH), Retraining(since=DAY + timedelta(days=1)))
