"""Scoring a slice of examples in two passes, once it is known to be fit for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tqdm import tqdm

from shark_core.config_sections import Importance
from shark_core.errors import DataError
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.importance.scoring import importance_method, mean_embeddings, score_sums
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import batches_on
from shark_core.traffic.examples import ExampleReader


@dataclass(frozen=True)
class ScoredSlice:
    """A model's examples, read once for each pass over them."""

    model: CtrModel
    examples: ExampleReader
    settings: Importance
    seed: int

    def means(self) -> MeanEmbeddings:
        """The pass over tables only. Raises `DataError` where the slice cannot be scored."""
        means = mean_embeddings(self.model, self._batches("mean embeddings"))
        check_examples(means, self.settings.min_examples, self.examples.slice.name)
        return means

    def scores(self, means: MeanEmbeddings, settings: Importance | None = None) -> ScoreSums:
        """By the configured method, or another one."""
        wanted = settings or self.settings
        method = importance_method(wanted, means.means(), self.seed)
        return score_sums(self.model, self._batches(f"{wanted.method} scores"), method)

    def _batches(self, what: str) -> Iterator[Batch]:
        device: torch.device = self.model.device
        batches = batches_on(device, self.examples, self.settings.batch_size)
        with tqdm(desc=what, unit=" examples", disable=not sys.stderr.isatty()) as bar:
            for batch in batches:
                yield batch
                bar.update(len(batch))


def check_examples(means: MeanEmbeddings, minimum: int, where: str) -> None:
    """Raises `DataError` for fewer than `minimum` examples, and for one label only."""
    negatives = means.examples - means.positives
    found = {"examples": means.examples, "positives": means.positives, "negatives": negatives}
    if means.examples < minimum:
        raise DataError(
            "too few examples to score fields on",
            expected=f"at least {minimum} (importance.min_examples)",
            found=found,
            where=f"the {where} slice",
            remedy="raise training.holdout_share, or lower importance.min_examples",
        )
    if min(means.positives, negatives) == 0:
        raise DataError(
            "scoring fields needs examples of both labels",
            expected="positives and negatives",
            found=found,
            where=f"the {where} slice",
            remedy="check the label column of the day's traffic, or raise training.holdout_share",
        )
