"""Whatever the losses are and however wrong the scores: limits hold, the loop ends, resuming is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shark_core.config_sections import Field, Pruning
from shark_core.pruning.loop import Trial, prune_in_steps
from shark_core.pruning.outcome import PruningOutcome
from shark_core.pruning.permitted import Permitted
from shark_core.pruning.progress import Progress
from tests.pruning.planted_losses import Losses, PlantedTrials, RecordsInMemory, field_of


@dataclass
class World:
    fields: list[Field]
    permitted: list[str]
    limits: Pruning
    losses: Losses
    scores: Losses
    rescored: Losses
    records: RecordsInMemory = field(default_factory=RecordsInMemory)

    def __post_init__(self) -> None:
        self.trials = PlantedTrials(self.losses, self.rescored)

    def run(self, records: RecordsInMemory | None = None) -> PruningOutcome:
        return self.end(records or self.records).outcome("plan")

    def end(self, records: RecordsInMemory) -> Progress:
        permitted = Permitted.of(self.permitted, self.fields, self.limits)
        start = Progress.start(self.fields, self.limits, permitted, self.scores.importances())
        return prune_in_steps(start, self.trials, records)


BUDGETS = st.none() | st.integers(1, 1000)


@st.composite
def worlds(draw: st.DrawFn, budgets: st.SearchStrategy[int | None] = BUDGETS) -> World:
    names = [f"f{number}" for number in range(draw(st.integers(1, 8)))]
    loss = st.sampled_from([-0.01, 0.0, 0.0005, 0.002, 0.01, 0.05])
    alone = {name: draw(loss) for name in names}
    pairs = draw(st.dictionaries(st.tuples(*[st.sampled_from(names)] * 2), loss, max_size=4))
    error, noise = draw(st.sampled_from([0.0, 0.0005])), draw(st.sampled_from([0.0, 0.002]))
    surprises = {**alone, **draw(st.dictionaries(st.sampled_from(names), loss, max_size=3))}
    order = draw(st.permutations(names))
    ends = sorted(draw(st.sets(st.integers(0, len(names)), max_size=4)))
    groups = [order[a:b] for a, b in pairwise(ends)]
    limits = {
        "max_predicted_loss": draw(st.sampled_from([0.0, 0.003, 0.02, 1.0])),
        "max_measured_loss": draw(st.sampled_from([0.0, 0.003, 0.02, 1.0])),
        "byte_budget": draw(budgets),
        "max_fields": draw(st.none() | st.integers(0, 9)),
        "keep": sorted(draw(st.sets(st.sampled_from(names), max_size=2))),
        "groups": draw(st.sampled_from([[], groups])),
        "steps": draw(st.integers(1, 6)),
        "max_trials": draw(st.integers(1, 12)),
    }
    losses = Losses(surprises, pairs, noise, error, seed=draw(st.integers(0, 3)))
    scores = Losses(alone, {}, noise, error)
    return World(
        fields=[field_of(name, draw(st.integers(2, 50))) for name in names],
        permitted=draw(st.lists(st.sampled_from(names), unique=True)),
        limits=Pruning.model_validate(limits),
        losses=losses,
        scores=scores,
        rescored=draw(st.sampled_from([losses, scores])),
    )


@given(worlds())
def test_no_limit_is_passed(world: World) -> None:
    outcome, limits = world.run(), world.limits
    assert len(outcome.steps) <= limits.max_trials
    assert len(outcome.pruned) <= (9 if limits.max_fields is None else limits.max_fields)
    assert len(outcome.pruned) < len(world.fields)
    assert not set(outcome.pruned) & set(limits.keep)
    assert set(outcome.pruned) <= set(world.permitted)
    assert all(len(set(group) & set(outcome.pruned)) in (0, len(group)) for group in limits.groups)
    assert outcome.measured.high <= limits.max_measured_loss
    assert world.end(world.records).room.charged <= limits.max_predicted_loss


@given(worlds())
def test_every_permitted_field_is_pruned_or_kept_for_a_reason(world: World) -> None:
    outcome = world.run()
    assert sorted([*outcome.pruned, *outcome.kept]) == sorted(world.permitted)
    assert all(reason not in ("", "None") for reason in outcome.kept.values())


@given(worlds())
def test_what_is_pruned_is_what_accepted_steps_took(world: World) -> None:
    outcome = world.run()
    taken = [name for step in outcome.accepted for name in step.fields]
    assert sorted(taken) == sorted(outcome.pruned)
    assert all(step.total.high <= world.limits.max_measured_loss for step in outcome.accepted)
    assert all(
        step.total.high > world.limits.max_measured_loss or "best state" in step.reason
        for step in outcome.undone
    )


@given(worlds())
def test_no_set_of_fields_is_finetuned_twice(world: World) -> None:
    world.run()
    tried = [frozenset(pruned) for pruned in world.trials.finetuned]
    assert len(tried) == len(set(tried))


@given(worlds(st.integers(1, 1000)))
def test_only_what_hurts_goes_once_the_byte_budget_is_met(world: World) -> None:
    room = world.end(world.records).room
    for number, candidate in enumerate(room.accepted):
        assert candidate.hurts or replace(room, accepted=room.accepted[:number]).enough() is None


@given(worlds(), st.data())
def test_a_run_that_was_interrupted_gives_what_an_undisturbed_one_does(
    world: World, data: st.DataObject
) -> None:
    undisturbed = world.run()
    done = data.draw(st.integers(0, len(world.records.trials)))
    kept: dict[int, Trial] = {n: t for n, t in world.records.trials.items() if n < done}
    world.trials.finetuned.clear()
    assert world.run(RecordsInMemory(kept)) == undisturbed
    assert len(world.trials.finetuned) == len(world.records.trials) - done


@given(worlds())
def test_an_outcome_is_the_same_after_a_round_trip_through_json(world: World) -> None:
    outcome = world.run()
    assert PruningOutcome.from_json(outcome.to_json()) == outcome
