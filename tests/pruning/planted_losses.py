"""A world whose true losses are known: trials without models, for the pure part of the loop.

Pruning a set of fields costs `alone[f]` for each, and `pairs[(f, g)]` once both are gone: redundant
fields are worth nothing alone and a lot together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from shark_core.config_sections import Field, Pruning
from shark_core.importance.report import FieldImportance
from shark_core.models.predictions import Predictions
from shark_core.pruning.loop import Trial, prune_in_steps
from shark_core.pruning.outcome import PruningOutcome
from shark_core.pruning.permitted import Permitted
from shark_core.pruning.progress import Progress

WIDE = {"max_predicted_loss": 10.0, "max_measured_loss": 10.0, "steps": 1, "max_trials": 100}
BASE = 0.6  # log-loss with nothing pruned
EXAMPLES = 64


@dataclass(frozen=True)
class Losses:
    """`noise`: standard deviation of each example's loss; `error`: standard error of the scores."""

    alone: Mapping[str, float]
    pairs: Mapping[tuple[str, str], float] = field(default_factory=dict)
    noise: float = 0.0
    error: float = 0.0
    seed: int = 0

    def of(self, pruned: Sequence[str]) -> float:
        both = sum(loss for pair, loss in self.pairs.items() if {*pair} <= {*pruned})
        return sum(self.alone[name] for name in pruned) + both

    def random(self, *what: object) -> np.random.Generator:
        return np.random.default_rng(Random(repr((self.seed, *what))).getrandbits(64))

    def importances(self, pruned: Sequence[str] = ()) -> tuple[FieldImportance, ...]:
        left = [name for name in self.alone if name not in pruned]
        errors = self.random("scores", sorted(pruned)).normal(0.0, self.error, len(left))
        return tuple(
            FieldImportance(name, self.of([*pruned, name]) - self.of(pruned) + e, self.error, 100)
            for name, e in zip(left, errors, strict=True)
        )

    def predictions(self, pruned: Sequence[str]) -> Predictions:
        """Labels 1, and logits whose log-losses have the true mean: `−log(σ(z)) = loss`."""
        noise = self.random("examples", sorted(pruned)).normal(0.0, self.noise, EXAMPLES)
        losses = np.maximum(BASE + self.of(pruned) + noise - noise.mean(), 1e-3)
        logits = -np.log(np.expm1(losses))
        return Predictions(np.ones(EXAMPLES, np.float32), logits)


@dataclass
class PlantedTrials:
    """`finetuned`: what was asked for, in order. `scores`: what importances are told from."""

    losses: Losses
    scores: Losses | None = None
    finetuned: list[tuple[str, ...]] = field(default_factory=list)

    def finetune(self, pruned: Sequence[str]) -> PlantedModel:
        self.finetuned.append(tuple(pruned))
        return PlantedModel(self.losses, self.scores or self.losses, tuple(pruned))


@dataclass(frozen=True)
class PlantedModel:
    losses: Losses
    scores: Losses
    pruned: tuple[str, ...]

    @property
    def predictions(self) -> Predictions:
        return self.losses.predictions(self.pruned)

    def importances(self) -> tuple[FieldImportance, ...]:
        return self.scores.importances(self.pruned)


@dataclass
class RecordsInMemory:
    trials: dict[int, Trial] = field(default_factory=dict)

    def find(self, number: int, fields: Sequence[str]) -> Trial | None:
        found = self.trials.get(number)
        return found if found and found.step.fields == tuple(fields) else None

    def add(self, trial: Trial) -> None:
        self.trials[trial.step.number] = trial


def field_of(name: str, rows: int = 10) -> Field:
    return Field(name=name, column=name, encoding="identity", num_embeddings=rows, embedding_dim=1)


def pruned_by_steps(
    losses: Losses,
    permitted: Sequence[str] | None = None,
    trials: PlantedTrials | None = None,
    rows: dict[str, int] | None = None,
    **limits: object,
) -> PruningOutcome:
    fields = [field_of(name, (rows or {}).get(name, 10)) for name in losses.alone]
    pruning = Pruning.model_validate({**WIDE, **limits})
    allowed = Permitted.of(list(losses.alone) if permitted is None else permitted, fields, pruning)
    start = Progress.start(fields, pruning, allowed, losses.importances())
    end = prune_in_steps(start, trials or PlantedTrials(losses), RecordsInMemory())
    return end.outcome("plan")


def tried(outcome: PruningOutcome) -> list[str]:
    """`a+b` a step, `~` before one that was undone."""
    return [("" if s.accepted else "~") + "+".join(s.fields) for s in outcome.steps]
