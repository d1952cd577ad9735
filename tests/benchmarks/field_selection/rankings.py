"""Rankings of a data set's fields, the most important first, by how they are found.

    scores        the project's scores of a ranking model, after so many epochs
    gates         a learned gate per field                                      gates.py
    trees         gain in boosted trees                                         trees.py
    elimination   drop the least important, finetune, score again, and so on    elimination.py
    random        the floor

A seed's rankings come from models of that seed. Scores are of one half of the held-out examples;
the other half evaluates (trainings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

import numpy as np

from shark_core.importance.scoring import (
    calibrations,
    importance_method,
    mean_embeddings,
    score_sums,
)
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from tests.benchmarks.importance_scores import METHODS
from tests.benchmarks.trained_model import Dataset, trained_by_epoch

Ranking = tuple[str, ...]
Rankings = dict[tuple[int, str], Ranking]  # by (epochs of the ranking model, method)
RankingMaker = Callable[[Dataset, int], Rankings]  # of a seed

RANKING_EPOCHS = (1, 2)  # well-trained and over-fitted
SCORED = ("f_permutation", "logit_taylor", "logit_taylor_uncalibrated", "permutation")
HELD_OUT_BATCH = 4096  # examples


def by_score(scores: Mapping[str, float]) -> Ranking:
    """Equal scores keep the fields' order."""
    return tuple(sorted(scores, key=lambda name: -scores[name]))


def scoring_batches(dataset: Dataset, most: int) -> list[Batch]:
    """Every second batch of the held-out days, at most so many: the others evaluate."""
    return dataset.held_out_batches(HELD_OUT_BATCH)[::2][:most]


def field_scores(model: CtrModel, batches: list[Batch], method: str, seed: int) -> dict[str, float]:
    """Of the fields that have a table, in log-loss per example."""
    means, fitted = mean_embeddings(model, batches).means(), calibrations(model, batches)
    way = importance_method(METHODS[method], means, seed, None, fitted)
    sums = score_sums(model, batches, way)
    return {name: sums.score(name) for name in model.kept}


def scored_rankings(dataset: Dataset, seed: int, batches: int) -> Rankings:
    scoring = scoring_batches(dataset, batches)
    models = islice(trained_by_epoch(dataset, dataset.fields, seed), max(RANKING_EPOCHS))
    return {
        (epochs, method): by_score(field_scores(found.model, scoring, method, seed))
        for epochs, found in enumerate(models, start=1)
        if epochs in RANKING_EPOCHS
        for method in SCORED
    }


def random_rankings(dataset: Dataset, seed: int) -> Rankings:
    ranking = tuple(np.random.default_rng(seed).permutation(dataset.fields).tolist())
    return {(epochs, "random"): ranking for epochs in RANKING_EPOCHS}
