"""Scoring a slice of examples in two passes, once it is known to be fit for it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from tqdm import tqdm

from shark_core.config_sections import Importance
from shark_core.errors import DataError
from shark_core.importance.finite import check_tables
from shark_core.importance.logits import ONLY_LOGIT
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.importance.scoring import (
    calibrations,
    importance_method,
    mean_embeddings,
    score_sums,
)
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import batches_on
from shark_core.traffic.examples import ExampleReader


@dataclass(frozen=True)
class ScoredSlice:
    """A model's examples, read once for each pass over them.

    `tasks`: weight by name, for a head of several tasks.
    """

    model: CtrModel
    examples: ExampleReader
    settings: Importance
    seed: int
    tasks: Mapping[str, float] = field(default_factory=dict)

    def means(self) -> MeanEmbeddings:
        """The pass over tables only.

        Raises `PermanentError` for a table that is not finite, in whatever row, and `DataError`
        where the slice cannot be scored.
        """
        check_tables(self.model)
        means = mean_embeddings(self.model, self._batches("mean embeddings"))
        scored = [task for task, weight in self.tasks.items() if weight]
        minimum, where = self.settings.min_examples, self.examples.slice.name
        check_examples(means, minimum, where, scored or None)
        return means

    def scores(self, means: MeanEmbeddings, settings: Importance | None = None) -> ScoreSums:
        """By the configured method, or another one."""
        wanted, fitted = settings or self.settings, None
        if wanted.calibrate and wanted.method != "f_permutation":
            fitted = calibrations(self.model, self._batches("calibration"), self.tasks)
        method = importance_method(wanted, means.means(), self.seed, self.tasks, fitted)
        return score_sums(self.model, self._batches(f"{wanted.method} scores"), method)

    def _batches(self, what: str) -> Iterator[Batch]:
        device: torch.device = self.model.device
        batches = batches_on(device, self.examples, self.settings.batch_size)
        with tqdm(desc=what, unit=" examples", disable=not sys.stderr.isatty()) as bar:
            for batch in batches:
                yield batch
                bar.update(len(batch))


def check_examples(
    means: MeanEmbeddings, minimum: int, where: str, tasks: Collection[str] | None = None
) -> None:
    """Raises `DataError` for fewer than `minimum` examples, and for one label only.

    `tasks`: those that are scored; without, all. The labels of others may be what they like.
    """
    _check_enough(means, minimum, where)
    for task, positives in means.positives.items():
        if tasks is None or task in tasks:
            _check_both_labels(means.examples, positives, where, task)


def _check_enough(means: MeanEmbeddings, minimum: int, where: str) -> None:
    if means.examples < minimum:
        raise DataError(
            "too few examples to score fields on",
            expected=f"at least {minimum} (importance.min_examples)",
            found=f"{means.examples} examples",
            where=f"the {where} slice",
            remedy="raise training.holdout_share, or lower importance.min_examples",
        )


def _check_both_labels(examples: int, positives: int, where: str, task: str) -> None:
    of_task = f", task {task!r}" if task != ONLY_LOGIT else ""
    if not 0 < positives < examples:
        raise DataError(
            "scoring fields needs examples of both labels",
            expected="positives and negatives",
            found=f"{positives} positives, {examples - positives} negatives",
            where=f"the {where} slice{of_task}",
            remedy="check the label column of the day's traffic, or raise training.holdout_share",
        )
