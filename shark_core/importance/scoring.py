"""Scoring fields: a method by its name in the config, run over examples in parts that merge.

means = mean_embeddings(model, batches)                      first pass: tables only
method = importance_method(config.importance, means, seed)
scores = score_sums(model, batches, method)                  second pass
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Protocol

from torch import Tensor

from shark_core.config_sections import Importance
from shark_core.importance.f_permutation import FPermutation
from shark_core.importance.logit_taylor import LogitTaylor
from shark_core.importance.permutation import Permutation
from shark_core.importance.replacements import DonorReplacement, MeanReplacement, Replacement
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel

Means = dict[str, Tensor]


class Method(Protocol):
    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> dict[str, Tensor]:
        """Each example's score `(B,)` by field with a table, in log-loss; `number` of the batch."""


REPLACEMENTS: dict[str, Callable[[Importance, Means, int], Replacement]] = {
    "mean": lambda _, means, __: MeanReplacement(means),
    "donors": lambda settings, _, seed: DonorReplacement(settings.repeats, seed),
}
METHODS: dict[str, Callable[[Means, Replacement], Method]] = {
    "f_permutation": lambda means, _: FPermutation(means),
    "logit_taylor": lambda _, replacement: LogitTaylor(replacement),
    "permutation": lambda _, replacement: Permutation(replacement),
}


def importance_method(settings: Importance, means: Means, seed: int) -> Method:
    replacement = REPLACEMENTS[settings.replacement](settings, means, seed)
    return METHODS[settings.method](means, replacement)


def mean_embeddings(model: CtrModel, batches: Iterable[Batch]) -> MeanEmbeddings:
    """`batches` must hold at least one."""
    return reduce(MeanEmbeddings.merge, (MeanEmbeddings.of(model, batch) for batch in batches))


def score_sums(
    model: CtrModel, batches: Iterable[Batch], method: Method, first_batch: int = 0
) -> ScoreSums:
    """In eval mode; the model is left in the mode in which it came.

    `first_batch`: the number of the first, where several processes score parts of the examples.
    """
    training = model.training
    model.eval()
    try:
        numbered = enumerate(batches, start=first_batch)
        parts = (
            ScoreSums.of(method.example_scores(model, batch, number)) for number, batch in numbered
        )
        return reduce(ScoreSums.merge, parts)
    finally:
        model.train(training)
