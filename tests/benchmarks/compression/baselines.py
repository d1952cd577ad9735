"""The model that is compressed, and what is known of its fields and rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from shark_core.config import PipelineConfig
from shark_core.importance.scoring import mean_embeddings
from shark_core.models.ctr_model import CtrModel
from shark_core.models.step_hooks import NO_HOOKS, StepHooks
from shark_core.models.training import FitSettings, fit
from tests.benchmarks.field_selection.rankings import field_scores, scoring_batches
from tests.benchmarks.trained_model import Dataset, trained

SCORING_BATCHES = 8
EVERY_EXAMPLE = 10_000_000


@dataclass(frozen=True)
class Ranked:
    """By field: scores in log-loss per example, priorities (N,), mean embeddings (D,)."""

    f_permutation: Mapping[str, float]
    logit_taylor: Mapping[str, float]
    priorities: Mapping[str, np.ndarray]
    means: Mapping[str, Tensor]


@dataclass(frozen=True)
class Baseline:
    """One epoch over the training days; `row_sums` are its row-wise Adagrad's."""

    config: PipelineConfig
    model: CtrModel
    row_sums: Mapping[str, Tensor]


def baseline(dataset: Dataset, seed: int) -> Baseline:
    training = dataset.config.training.model_copy(update={"seed": seed})
    found = trained(dataset, dataset.fields, seed)
    config = dataset.config.model_copy(update={"training": training})
    return Baseline(config, found.model, found.row_sums)


def finetune(
    dataset: Dataset, days: int, start: Baseline, model: CtrModel, hooks: StepHooks = NO_HOOKS
) -> None:
    """In place, on the last `days` of training, at the config's finetuning rates: the same for the
    baseline and for what is compressed.
    """
    examples = dataset.reader(dataset.training_days[-days:], model.kept)
    barely = dataset.reader(dataset.held_out_days, model.kept, max_examples=1)
    settings = FitSettings.of_finetuning(start.config)
    fit(model, examples, barely, settings, row_sums=start.row_sums, hooks=hooks)


def ranked(dataset: Dataset, start: Baseline, seed: int) -> Ranked:
    batches = scoring_batches(dataset, SCORING_BATCHES)
    scores = {
        name: field_scores(start.model, batches, name, seed)
        for name in ("f_permutation", "logit_taylor")
    }
    means = mean_embeddings(start.model, batches).means()
    return Ranked(
        f_permutation=scores["f_permutation"],
        logit_taylor=scores["logit_taylor"],
        priorities=_priorities(dataset),
        means=means,
    )


def _priorities(dataset: Dataset) -> dict[str, np.ndarray]:
    """`S ← (1−β)·S + β·(α·c⁺ + c⁻)` over the training days, as the pipeline does."""
    rule = dataset.config.priority
    found = {field.name: np.zeros(field.num_embeddings) for field in dataset.config.fields}
    for day in dataset.training_days:
        (batch,) = dataset.reader([day]).batches(EVERY_EXAMPLE)
        worth = np.where(batch.label == 1, rule.positive_weight, 1.0)
        for name, ids in batch.ids.items():
            per_access = np.repeat(worth, np.diff(ids.offsets))
            counted = np.bincount(ids.values, per_access, len(found[name]))
            found[name] = (1 - rule.decay) * found[name] + rule.decay * counted
    return found
