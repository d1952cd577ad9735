"""Scoring fields: a method by its name in the config, run over examples in parts that merge.

means = mean_embeddings(model, batches)                      first pass: tables only
method = importance_method(config.importance, means, seed)
scores = score_sums(model, batches, method)                  second pass

`shark_core.importance.slices.ScoredSlice` does all three. The pipeline trains models of one logit;
for a head of several tasks, `importance_method(…, tasks={"click": 1.0})` scores one of them, or a
weighted sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from torch import Tensor

from shark_core.config_sections import Importance
from shark_core.errors import DataError
from shark_core.importance.f_permutation import FPermutation
from shark_core.importance.logit_checks import check_finite
from shark_core.importance.logit_taylor import LogitTaylor
from shark_core.importance.logits import Logits
from shark_core.importance.method import Method
from shark_core.importance.permutation import Permutation
from shark_core.importance.precision import CheckedBf16
from shark_core.importance.replacements import DonorReplacement, MeanReplacement, Replacement
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel

Means = dict[str, Tensor]
Sums = TypeVar("Sums", MeanEmbeddings, ScoreSums)

REPLACEMENTS: dict[str, Callable[[Importance, Means, int], Replacement]] = {
    "mean": lambda _, means, __: MeanReplacement(means),
    "donors": lambda settings, _, seed: DonorReplacement(settings.repeats, seed),
}
METHODS: dict[str, Callable[[Means, Replacement, Logits], Method]] = {
    "f_permutation": lambda means, _, logits: FPermutation(means, logits),
    "logit_taylor": lambda _, replacement, logits: LogitTaylor(replacement, logits),
    "permutation": lambda _, replacement, logits: Permutation(replacement, logits),
}


def importance_method(
    settings: Importance, means: Means, seed: int, tasks: Mapping[str, float] | None = None
) -> Method:
    """`tasks`: weight by name, for a head of several tasks."""
    replacement = REPLACEMENTS[settings.replacement](settings, means, seed)
    make, weights = METHODS[settings.method], dict(tasks or {})
    exact = make(means, replacement, Logits(weights))
    if settings.precision == "fp32":
        return exact
    return CheckedBf16(make(means, replacement, Logits(weights, bf16=True)), exact)


def mean_embeddings(model: CtrModel, batches: Iterable[Batch]) -> MeanEmbeddings:
    """Raises `DataError` without batches or fields, `PermanentError` where a mean is not finite."""
    _check_fields(model)
    found = _merged(MeanEmbeddings.of(model, batch) for batch in batches)
    check_finite(model, {name: total.sum().item() for name, total in found.sums.items()})
    return found


def score_sums(
    model: CtrModel, batches: Iterable[Batch], method: Method, first_batch: int = 0
) -> ScoreSums:
    """In eval mode; the model is left in the mode in which it came.

    `first_batch`: the number of the first, where several processes score parts of the examples.
    Raises `DataError` without batches or fields, `PermanentError` for scores that are not finite,
    `ConfigError` where the head's output is not a logit, or has no gradient for what it reads.
    """
    _check_fields(model)
    training = model.training
    model.eval()
    try:
        numbered = enumerate(batches, start=first_batch)
        parts = (
            ScoreSums.of(method.example_scores(model, batch, number)) for number, batch in numbered
        )
        found = _merged(parts)
    finally:
        model.train(training)
    check_finite(model, found.sums)
    return found


def _merged(parts: Iterable[Sums]) -> Sums:
    found: Sums | None = None
    for part in parts:
        found = part if found is None else found.merge(part)
    if found is None:
        raise DataError(
            "there are no examples to score fields on",
            expected="at least one batch",
            found="none",
            remedy="check how many examples the day has and training.holdout_share",
        )
    return found


def _check_fields(model: CtrModel) -> None:
    if not model.kept:
        raise DataError(
            "the model has no field left to score",
            expected="at least one field with a table",
            found=f"{len(model.pruned)} pruned fields",
            remedy="score a model before all of its fields are pruned",
        )
