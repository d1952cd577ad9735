"""How close each method's scores come to what happens: true mean-replacement on the same examples,
by the loss that the method looks at, calibrated or not.

Noise is *in the bottom* when no planted noise field scores as high as a field that is useful:

    generated   useful = planted as informative. Copied fields and their copies are left out of it:
                each can stand in for the other, so that either may rightly score nothing.
    real log    useful = true mean-replacement loses more than `Z_USEFUL` standard errors
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Self

from shark_core.models.ctr_model import CtrModel
from tests.benchmarks.importance_scores import PLAIN, Scores, spearman, truth_of
from tests.benchmarks.trained_model import Dataset, held_out_predictions

Z_USEFUL = 3.0
STRONGEST = 5


@dataclass(frozen=True)
class Agreement:
    """Of one method on one model. `noise_ranks` from below, 1 the least important.

    `strongest`: predicted over true loss, by field, of the `STRONGEST` fields by truth.
    """

    spearman: float
    split_half: float
    noise_ranks: Mapping[str, int]
    noise_in_bottom: bool
    strongest: Mapping[str, float]

    @classmethod
    def of(
        cls, scores: Scores, truth: Scores, noise: Collection[str], useful: Collection[str]
    ) -> Self:
        by_field = scores.by_field
        strongest = sorted(truth.by_field, key=lambda name: -truth.by_field[name])[:STRONGEST]
        highest_noise = max(by_field[name] for name in noise)
        return cls(
            spearman=spearman(by_field, truth.by_field),
            split_half=scores.split_half,
            noise_ranks={name: scores.ranks[name] for name in noise},
            noise_in_bottom=all(by_field[name] > highest_noise for name in useful),
            strongest={name: by_field[name] / truth.by_field[name] for name in strongest},
        )

    @property
    def strongest_ratio(self) -> float:
        return mean(self.strongest.values())


@dataclass(frozen=True)
class ModelAgreement:
    """`methods` by name, for a model trained `epochs` epochs from `seed`."""

    seed: int
    epochs: int
    held_out_log_loss: float
    useful: int
    methods: Mapping[str, Agreement]

    @classmethod
    def of(
        cls, dataset: Dataset, model: CtrModel, seed: int, epochs: int, scores: Mapping[str, Scores]
    ) -> Self:
        noise = dataset.noise_fields
        useful = useful_fields(dataset, scores[PLAIN])
        return cls(
            seed=seed,
            epochs=epochs,
            held_out_log_loss=held_out_predictions(dataset, model).log_loss,
            useful=len(useful),
            methods={
                name: Agreement.of(found, scores[truth_of(name)], noise, useful)
                for name, found in scores.items()
            },
        )


def useful_fields(dataset: Dataset, truth: Scores) -> list[str]:
    """The fields that noise must not outrank."""
    if dataset.informative:
        copied = {*dataset.copies, *dataset.copies.values()}
        return [name for name in dataset.informative if name not in copied]
    errors = truth.standard_errors
    return [name for name, loss in truth.by_field.items() if loss > Z_USEFUL * errors[name]]
