"""`train --warm-start`: a day trained from what a published snapshot serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import torch

from jobs import train as train_job
from jobs.context import DayContext
from jobs.train import Retraining, train
from shark_core.errors import ConfigError, DataError
from shark_core.models.checkpoint import load_checkpoint, load_row_sums
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.publish.compressed_model import rebuild_model
from shark_core.schemas import CHECKPOINT
from tests.example_lake import DAY
from tests.jobs.compressed_day import catalog_of, head, next_day, run_command, run_to_publish

NEXT = DAY + timedelta(days=1)


@pytest.fixture
def published(make_context: Callable[..., DayContext]) -> DayContext:
    """The day before, with a snapshot that `candidate` points to."""
    context = make_context()
    run_to_publish(context)
    return context


@pytest.fixture
def day(published: DayContext) -> DayContext:
    return replace(published, day=NEXT)


def baseline(day: DayContext) -> CtrModel:
    return load_checkpoint(day.lake, day.partition(CHECKPOINT, stage="baseline"), day.config)


@pytest.fixture
def started(day: DayContext, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], CtrModel]:
    """What a model is before its first step."""

    def start(snapshot: str) -> CtrModel:
        found: list[CtrModel] = []
        fit = train_job.fit

        def recorded(model: CtrModel, *arguments: object, **options: object) -> object:
            found.append(build_model(day.config))
            found[0].load_state_dict(model.state_dict())
            assert options["row_sums"] == {}
            return fit(model, *arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(train_job, "fit", recorded)
        train(day, Retraining(snapshot))
        return found[0]

    return start


def test_training_starts_from_exactly_what_is_served(
    published: DayContext, day: DayContext, started: Callable[[str], CtrModel]
) -> None:
    served, model = rebuild_model(day.config, day.lake, DAY), started("candidate")
    assert len(served.kept) == 2
    for name in served.kept:
        assert torch.equal(model.embeddings.weight(name), served.embeddings.weight(name)), name
    for name, tensor in served.head.state_dict().items():
        assert torch.equal(model.head.state_dict()[name], tensor), name


def test_a_field_that_the_snapshot_pruned_starts_fresh(
    published: DayContext, day: DayContext, started: Callable[[str], CtrModel]
) -> None:
    (pruned,) = catalog_of(day).snapshot(str(head(day, "candidate"))).pruned
    fresh, model = build_model(day.config), started("candidate")
    assert torch.equal(model.embeddings.weight(pruned), fresh.embeddings.weight(pruned))


def test_the_checkpoint_names_the_snapshot_and_not_the_day_before(day: DayContext) -> None:
    snapshot = str(head(day, "candidate"))
    shown = run_command(day, "train", "--date", NEXT.isoformat(), "--warm-start", "candidate")
    assert shown["started_from"] == ["snapshot"]
    marker = day.marker(CHECKPOINT, stage="baseline")
    assert marker.inputs["snapshot"] == snapshot
    assert set(marker.inputs) == {
        "snapshot",
        f"examples/ds={DAY}",
        f"examples/ds={NEXT}",
    }
    assert set(load_row_sums(day.lake, day.partition(CHECKPOINT, stage="baseline"))) == {
        "user",
        "item",
        "tags",
    }


def test_without_the_option_nothing_changes(day: DayContext) -> None:
    train(day)
    before = baseline(day).state_dict()
    inputs = day.marker(CHECKPOINT, stage="baseline").inputs
    assert f"checkpoint/ds={DAY}/stage=baseline" in inputs
    train(day, Retraining("candidate"))
    after = baseline(day).state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_prefix_of_the_id_gives_the_same_weights(day: DayContext) -> None:
    train(day, Retraining("candidate"))
    by_ref = day.marker(CHECKPOINT, stage="baseline")
    train(day, Retraining(str(head(day, "candidate"))[:6]))
    assert day.marker(CHECKPOINT, stage="baseline").fingerprint == by_ref.fingerprint


def test_a_snapshot_that_has_seen_the_day_is_refused(published: DayContext) -> None:
    before = published.marker(CHECKPOINT, stage="baseline")
    with pytest.raises(ConfigError, match="a snapshot of an earlier day") as refused:
        train(published, Retraining("candidate"))
    assert "--warm-start candidate" in str(refused.value)
    assert published.marker(CHECKPOINT, stage="baseline") == before


def test_a_ref_stands_for_what_it_pointed_to_before_the_days_to_train_on(
    published: DayContext,
) -> None:
    first = head(published, "candidate")
    day = next_day(published)
    run_to_publish(day)
    assert head(day, "candidate") != first
    branch = replace(day, branch="retrain")
    train(branch, Retraining("candidate", since=NEXT))
    assert branch.marker(CHECKPOINT, stage="baseline").inputs["snapshot"] == first


def test_an_id_stands_for_itself_only(published: DayContext) -> None:
    with pytest.raises(ConfigError, match="has not seen the days to come"):
        train(published, Retraining(str(head(published, "candidate"))))


def test_a_name_of_no_snapshot_is_refused(day: DayContext) -> None:
    with pytest.raises(DataError, match="no such snapshot"):
        train(day, Retraining("nightly"))


def test_a_whole_day_takes_the_option_too(day: DayContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.day_commands.DAY_VERBS", [v for v in _verbs() if v.name == "train"])
    run_command(day, "run", "--date", NEXT.isoformat(), "--warm-start", "candidate")
    assert "snapshot" in day.marker(CHECKPOINT, stage="baseline").inputs


def _verbs() -> tuple[object, ...]:
    from jobs.registry import DAY_VERBS

    return DAY_VERBS
