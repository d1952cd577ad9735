"""The model that is compressed, and what is known of its fields and rows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from shark_core.config import PipelineConfig
from shark_core.evaluation.auc import auc_difference
from shark_core.evaluation.log_loss import log_loss_difference
from shark_core.importance.scoring import mean_embeddings
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.predictions import Predictions
from shark_core.models.step_hooks import NO_HOOKS, StepHooks
from shark_core.models.training import FitSettings, fit
from tests.benchmarks.field_selection.rankings import (
    HELD_OUT_BATCH,
    field_scores,
    scoring_batches,
)
from tests.benchmarks.trained_model import Dataset, held_out_predictions, trained

SCORING_BATCHES = 8
MEASURING, JUDGING = (2,), (1, 3)  # quarters of the held-out examples: 0 and 2 score fields
EVERY_EXAMPLE = 10_000_000


@dataclass(frozen=True)
class Ranked:
    """By field: scores in log-loss per example, priorities (N,), mean embeddings (D,).

    `hurting`: fields that the model is better off without.
    """

    f_permutation: Mapping[str, float]
    hurting: tuple[str, ...]
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
        hurting=_hurting(dataset, start, batches, means, seed),
        priorities=_priorities(dataset),
        means=means,
    )


def _hurting(
    dataset: Dataset, start: Baseline, batches: list[Batch], means: Mapping[str, Tensor], seed: int
) -> tuple[str, ...]:
    """Fields that score below zero on every second batch of those that score fields, and of them
    so many, the most harmful first, that without them AUC and log-loss are measured to be better by
    more than a standard error on the other batches. Of many fields that hardly matter some score
    below zero by chance, and would be measured to hurt on the batches that chose them.
    """
    scores = field_scores(start.model, batches[::2], "logit_taylor", seed)
    candidates = sorted((name for name in scores if scores[name] < 0), key=lambda n: scores[n])
    before = held_out_part(dataset, start.model, MEASURING)
    while candidates:
        pruned = copy.deepcopy(start.model)
        for name in candidates:
            pruned.embeddings.prune(name, means[name])
        after = held_out_part(dataset, pruned, MEASURING)
        models = (before.labels, before.logits, after.logits)
        auc, log_loss = auc_difference(*models), log_loss_difference(*models)
        if auc.difference > auc.standard_error and -log_loss.difference > log_loss.standard_error:
            break
        candidates = candidates[: len(candidates) // 2]
    return tuple(candidates)


def held_out_part(dataset: Dataset, model: CtrModel, quarters: Sequence[int]) -> Predictions:
    """On those of four batches in a row of the held-out examples."""
    found = held_out_predictions(dataset, model)
    chosen = np.isin(np.arange(len(found.labels)) // HELD_OUT_BATCH % 4, quarters)
    return replace(found, labels=found.labels[chosen], logits=found.logits[chosen])


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
