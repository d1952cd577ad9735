"""Scoring fields: a method by its name in the config, run over examples in parts that merge.

means = mean_embeddings(model, batches)                              first pass: tables only
fitted = calibrations(model, batches)                                logits of a sample
method = importance_method(config.importance, means.means(), seed, calibrations=fitted)
scores = score_sums(model, batches, method)                          second pass

`shark_core.importance.slices.ScoredSlice` does all of it. The pipeline trains models of one logit;
for a head of several tasks, `importance_method(…, tasks={"click": 1.0})` scores one of them, or a
weighted sum.

Several processes can share the batches: the means of their parts are merged first and given to all,
with the calibrations that one of them found, then the scores of their parts. The merged scores are
those of one process, to rounding.

    means = means_of_part_1.merge(means_of_part_2)
    scores_of_part_2 = score_sums(model, part_2, method, first_batch=len(part_1))
    scores = scores_of_part_1.merge(scores_of_part_2)
    check_are_logits(model, scores.outputs)                          what no part told by itself
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from shark_core.config_sections import Importance
from shark_core.errors import DataError
from shark_core.importance.calibration import Calibration
from shark_core.importance.f_permutation import FPermutation
from shark_core.importance.finite import check_finite
from shark_core.importance.logit_taylor import LogitTaylor
from shark_core.importance.logits import Logits, TaskLogits
from shark_core.importance.method import Method
from shark_core.importance.permutation import Permutation
from shark_core.importance.precision import CheckedBf16
from shark_core.importance.probability_checks import check_are_logits
from shark_core.importance.replacements import DonorReplacement, MeanReplacement, Replacement
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel

CALIBRATED = 1 << 13  # examples: two numbers are fitted, the slope to about three percent

Means = dict[str, Tensor]
Sums = TypeVar("Sums", MeanEmbeddings, ScoreSums)

REPLACEMENTS: dict[str, Callable[[Importance, Means, int], Replacement]] = {
    "mean": lambda _, means, __: MeanReplacement(means),
    "donors": lambda settings, _, seed: DonorReplacement(settings.repeats, seed),
}
METHODS: dict[str, Callable[[Means, Replacement, Logits], Method]] = {
    "f_permutation": lambda means, _, logits: FPermutation(MeanReplacement(means), logits),
    "logit_taylor": lambda _, replacement, logits: LogitTaylor(replacement, logits),
    "permutation": lambda _, replacement, logits: Permutation(replacement, logits),
}


def importance_method(
    settings: Importance,
    means: Means,
    seed: int,
    tasks: Mapping[str, float] | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
) -> Method:
    """`tasks`: weight by name, for a head of several tasks. `calibrations` by task: without, or
    with `calibrate: false`, logits are taken as they are.
    """
    replacement = REPLACEMENTS[settings.replacement](settings, means, seed)
    make = METHODS[settings.method]
    fitted = dict(calibrations or {}) if settings.calibrate else {}
    exact = Logits(dict(tasks or {}), calibrations=fitted)
    if settings.precision == "fp32":
        return make(means, replacement, exact)
    rough = replace(exact, bf16=True)
    return CheckedBf16(make(means, replacement, rough), make(means, replacement, exact))


def mean_embeddings(model: CtrModel, batches: Iterable[Batch]) -> MeanEmbeddings:
    """Raises `DataError` without batches or fields, `PermanentError` where a mean is not finite."""
    _check_fields(model)
    found = _merged(MeanEmbeddings.of(model, batch) for batch in batches)
    check_finite(model, {name: total.sum().item() for name, total in found.sums.items()})
    return found


@torch.no_grad()
def calibrations(
    model: CtrModel, batches: Iterable[Batch], tasks: Mapping[str, float] | None = None
) -> dict[str, Calibration]:
    """Of each scored task, in eval mode, on the first `CALIBRATED` examples or so.

    Raises as `score_sums` does.
    """
    logits, seen = Logits(dict(tasks or {})), 0
    by_task: dict[str, list[TaskLogits]] = {}
    with _evaluating(model):
        for batch in batches:
            for task in logits.of(model, model.embeddings(batch), batch):
                by_task.setdefault(task.name, []).append(task)
            seen += len(batch)
            if seen >= CALIBRATED:
                break
    return {name: _fitted(model, parts) for name, parts in by_task.items()}


def _fitted(model: CtrModel, parts: list[TaskLogits]) -> Calibration:
    logits = torch.cat([part.logits for part in parts]).cpu()
    check_finite(model, {"the logits": float(logits.sum())})
    return Calibration.fitted(logits, torch.cat([part.label for part in parts]).cpu())


def score_sums(
    model: CtrModel, batches: Iterable[Batch], method: Method, first_batch: int = 0
) -> ScoreSums:
    """In eval mode; the model is left in the mode in which it came.

    `first_batch`: the number of the first, where several processes score parts of the examples.
    Raises `DataError` without batches or fields, `PermanentError` for scores that are not finite,
    `ConfigError` where the head's output is not a logit, or has no gradient for what it reads.
    """
    _check_fields(model)
    numbered, way = enumerate(batches, start=first_batch), method.way
    with _evaluating(model):
        found = _merged(
            ScoreSums.of(method.example_scores(model, batch, number), way)
            for number, batch in numbered
        )
        check_finite(model, found.sums)
        check_are_logits(model, found.outputs)
    return found


@contextmanager
def _evaluating(model: CtrModel) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


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
