"""Trials of the pruning loop on the day's own model and examples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from shark_core.config import PipelineConfig
from shark_core.errors import DataError, PermanentError
from shark_core.importance.report import FieldImportance, ImportanceReport
from shark_core.importance.slices import ScoredSlice
from shark_core.lake import Lake
from shark_core.models.ctr_model import CtrModel
from shark_core.models.predictions import Predictions
from shark_core.pruning.finetuning import baseline_without, finetune_on_day
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import validation_slice

READ_BY_TRIALS = frozenset(
    {"fields", "dense_features", "model", "training", "finetuning", "importance", "pruning"}
)


def trial_settings(config: PipelineConfig) -> str:
    """16 hex digits over the sections of the config that decide what a step comes to.

    They are `READ_BY_TRIALS`, each whole: `fields` and `dense_features` (what is read and pruned),
    `model`, `training` and `finetuning` (what is finetuned, and how), `importance` (how the rest is
    scored again), `pruning` (what is tried, and what stays). Not among them is what the examples,
    the checkpoint, the importances and the plan follow from, since their fingerprints are compared,
    nor what comes after pruning: tiers, evaluation, gates, release. So editing these reuses steps.
    """
    document = config.model_dump(mode="json", include=set(READ_BY_TRIALS))
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class FinetunedModel:
    """Held-out examples are the day's validation slice; the test slice is left to the gates."""

    lake: Lake
    config: PipelineConfig
    day: date
    model: CtrModel
    predictions: Predictions

    def importances(self) -> tuple[FieldImportance, ...]:
        """Scored as the day's baseline was. Raises `PermanentError` for a model that is spoiled."""
        lake, config = self.lake, self.config
        wanted, most = validation_slice(lake, config, self.day), config.importance.max_examples
        reader = ExampleReader(lake, config, wanted, fields=self.model.kept, max_examples=most)
        examples = ScoredSlice(self.model, reader, config.importance, config.training.seed)
        means = examples.means()
        return ImportanceReport.of(config.importance.method, means, examples.scores(means)).fields


@dataclass(frozen=True)
class ModelTrials:
    """`means`: `(D_f,)` by field, what a pruned field becomes. One model at a time is in memory."""

    lake: Lake
    config: PipelineConfig
    day: date
    means: Mapping[str, Sequence[float]]

    def finetune(self, pruned: Sequence[str]) -> FinetunedModel:
        """In fp32: tiers are decided on what stays. Raises `PermanentError` where it diverges,
        `DataError` where a slice is empty or too small to tell an interval.
        """
        model = baseline_without(self.lake, self.config, self.day, self.means, pruned)
        predictions = finetune_on_day(self.lake, self.config, self.day, model).validation
        _check(predictions)
        return FinetunedModel(self.lake, self.config, self.day, model, predictions)


def _check(predictions: Predictions) -> None:
    examples, finite = len(predictions.logits), int(np.isfinite(predictions.logits).sum())
    if examples < 2:
        raise DataError(
            "too few held-out examples to measure a step of pruning",
            expected="at least 2 in the validation slice",
            found=examples,
            remedy="check how many examples the day has and training.holdout_share",
        )
    if finite < examples:
        raise PermanentError(
            "the finetuned model's predictions are not finite",
            expected=f"{examples:,} finite logits",
            found=f"{finite:,}",
            remedy="lower finetuning's learning rates",
        )
