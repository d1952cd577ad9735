"""From data sets to keep-k curves: rankings first, then each set of fields trained once a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.field_selection.curves import Curve
from tests.benchmarks.field_selection.elimination import elimination_rankings
from tests.benchmarks.field_selection.gates import gate_rankings
from tests.benchmarks.field_selection.rankings import (
    RANKING_EPOCHS,
    RankingMaker,
    Rankings,
    random_rankings,
    scored_rankings,
)
from tests.benchmarks.field_selection.trainings import Quality, retrained
from tests.benchmarks.field_selection.trees import tree_rankings
from tests.benchmarks.pool import results_of
from tests.benchmarks.trained_model import Dataset


@dataclass(frozen=True)
class Regime:
    """Epochs of the model that ranks the fields, and of the models trained on the best k."""

    ranking_epochs: int
    epochs: int


REGIMES = {
    "well_trained": Regime(1, 1),
    "over_fitted": Regime(2, 1),
    "over_fitted_throughout": Regime(2, 2),
}


@dataclass(frozen=True)
class Size:
    """`ks`: besides all fields. `scoring_batches`: at most. `eliminated`: the share of the fields
    that a step of the loop drops, in `loop_epochs` ranking models.
    """

    seeds: int
    ks: tuple[int, ...]
    scoring_batches: int
    eliminated: float
    loop_epochs: tuple[int, ...]


FULL = Size(
    seeds=3,
    ks=(2, 3, 4, 6, 8, 12, 16, 24, 32),
    scoring_batches=8,
    eliminated=1 / 16,
    loop_epochs=RANKING_EPOCHS,
)
QUICK = Size(seeds=1, ks=(8,), scoring_batches=1, eliminated=1 / 2, loop_epochs=(1,))

RegimeCurves = dict[str, dict[str, list[Curve]]]  # by regime, by method, one for each seed


@dataclass(frozen=True)
class Found:
    """`rankings` by seed."""

    curves: RegimeCurves
    rankings: dict[int, Rankings]


_Training = tuple[frozenset[str], int]  # fields, seed


def keep_k_curves(pool: ProcessPoolExecutor, dataset: Dataset, size: Size) -> Found:
    by_seed = _rankings(pool, dataset, size)
    ks = [k for k in size.ks if k < len(dataset.fields)] + [len(dataset.fields)]
    trained = _trainings(pool, dataset, by_seed, ks)

    def curve(ranking: Sequence[str], seed: int, epochs: int) -> Curve:
        return {k: trained[frozenset(ranking[:k]), seed][epochs - 1] for k in ks}

    curves = {
        name: {
            method: [
                curve(rankings[ranked, method], seed, regime.epochs)
                for seed, rankings in by_seed.items()
            ]
            for ranked, method in by_seed[0]
            if ranked == regime.ranking_epochs
        }
        for name, regime in REGIMES.items()
    }
    return Found(curves, by_seed)


def _makers(size: Size) -> list[RankingMaker]:
    """Long ones first."""
    loop = partial(elimination_rankings, batches=size.scoring_batches, share=size.eliminated)
    loops = [partial(loop, epochs=epochs) for epochs in size.loop_epochs]
    scored = partial(scored_rankings, batches=size.scoring_batches)
    return [*loops, scored, gate_rankings, tree_rankings, random_rankings]


def _rankings(pool: ProcessPoolExecutor, dataset: Dataset, size: Size) -> dict[int, Rankings]:
    """By seed."""
    jobs = {
        (number, seed): partial(maker, dataset, seed)
        for number, maker in enumerate(_makers(size))
        for seed in range(size.seeds)
    }
    by_seed: dict[int, Rankings] = {seed: {} for seed in range(size.seeds)}
    for (_, seed), rankings in results_of(pool, f"{dataset.name}: rankings", jobs).items():
        by_seed[seed] |= rankings
    return by_seed


def _trainings(
    pool: ProcessPoolExecutor, dataset: Dataset, by_seed: dict[int, Rankings], ks: Sequence[int]
) -> Mapping[_Training, tuple[Quality, ...]]:
    """The same fields and seed are trained once, for as many epochs as any regime asks."""
    epochs: dict[_Training, int] = {}
    for seed, rankings in by_seed.items():
        for (ranked, _), ranking in rankings.items():
            wanted = max(r.epochs for r in REGIMES.values() if r.ranking_epochs == ranked)
            for k in ks:
                training = (frozenset(ranking[:k]), seed)
                epochs[training] = max(wanted, epochs.get(training, 0))
    longest_first = sorted(epochs, key=lambda training: -len(training[0]) * epochs[training])
    jobs = {
        (fields, seed): partial(retrained, dataset, fields, seed, epochs[fields, seed])
        for fields, seed in longest_first
    }
    return results_of(pool, f"{dataset.name}: trainings", jobs)
