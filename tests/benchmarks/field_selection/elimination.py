"""Recursive elimination by logit-Taylor: what scoring again after every step adds to one scoring.

    baseline ─→ without what is gone ─→ finetuned on the last day ─→ scored ─→ the least go
                        ↑____________________________________________________________│

The order in which fields go, from the end, is the ranking. Of two redundant fields the first to go
leaves its part to the other, whose score then rises: a ranking from one scoring cannot see that.
Each step starts from the baseline, as in the pipeline: finetuned again and again, a model learns
its examples by heart, and fields with large tables seem to hurt.

Re-scoring is all that this compares. It never measures, accepts or undoes a step, as the loop of
`prune-fields` does, which may stop earlier and keep other fields.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from shark_core.importance.scoring import mean_embeddings
from shark_core.models.ctr_model import CtrModel
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
    baseline = trained(dataset, dataset.fields, seed, epochs)
    means = mean_embeddings(baseline.model, scoring).means()
    gone: list[str] = []  # the first to go first
    while True:
        model = copy.deepcopy(baseline.model)
        for name in gone:
            model.embeddings.prune(name, means[name])
        if gone:
            _finetune(dataset, model, baseline.row_sums, seed)
        ranking = by_score(field_scores(model, scoring, "logit_taylor", seed))
        if len(ranking) <= 2:
            return {(epochs, "loop"): (*ranking, *reversed(gone))}
        gone.extend(reversed(ranking[-math.ceil(share * len(ranking)) :]))


def _finetune(dataset: Dataset, model: CtrModel, row_sums: Mapping[str, Tensor], seed: int) -> None:
    settings = replace(FitSettings.of_finetuning(dataset.config), seed=seed, epochs=1)
    examples = dataset.reader(dataset.training_days[-1:], model.kept)
    barely = dataset.reader(dataset.held_out_days, model.kept, max_examples=1)
    fit(model, examples, barely, settings, row_sums=row_sums)
