"""Recursive elimination by logit-Taylor: what pruning step by step does, to the last field.

    model ── score ── prune the least important ──→ finetune ──┐
             └──────────────────────←──────────────────────────┘

The order in which fields go, from the end, is the ranking. Of two redundant fields the first to go
leaves its part to the other, whose score then rises: a ranking from one scoring cannot see that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from shark_core.importance.scoring import mean_embeddings
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.seeds import derived_seed
from shark_core.models.training import FitSettings, fit
from tests.benchmarks.field_selection.rankings import (
    Rankings,
    by_score,
    field_scores,
    scoring_batches,
)
from tests.benchmarks.trained_model import Dataset, trained


def elimination_rankings(
    dataset: Dataset, seed: int, batches: int, share: float, epochs: int
) -> Rankings:
    """Starts from a model of so many epochs. Each step prunes `share` of the fields that are left,
    at least one.
    """
    scoring = scoring_batches(dataset, batches)
    model = trained(dataset, dataset.fields, seed, epochs)
    gone: list[str] = []  # the first to go first
    while True:
        ranking = by_score(field_scores(model, scoring, "logit_taylor", seed))
        if len(ranking) <= 2:
            return {(epochs, "loop"): (*ranking, *reversed(gone))}
        step = ranking[-math.ceil(share * len(ranking)) :]
        gone.extend(reversed(step))
        _prune(model, step, scoring)
        _finetune(dataset, model, derived_seed(seed, len(gone)))


def _prune(model: CtrModel, fields: Sequence[str], batches: list[Batch]) -> None:
    means = mean_embeddings(model, batches).means()
    for name in fields:
        model.embeddings.prune(name, means[name])


def _finetune(dataset: Dataset, model: CtrModel, seed: int) -> None:
    settings = replace(FitSettings.of_finetuning(dataset.config), seed=seed, epochs=1)
    examples = dataset.reader(dataset.training_days, model.kept)
    barely = dataset.reader(dataset.held_out_days, model.kept, max_examples=1)
    fit(model, examples, barely, settings)
