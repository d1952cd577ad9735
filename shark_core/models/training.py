"""Training a model on a slice of examples, once or for several epochs with early stopping.

The same seed gives the same weights, bit for bit, on CPU with the same torch build and number of
threads.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from shark_core.config import PipelineConfig
from shark_core.errors import PermanentError
from shark_core.models.batch import Batch
from shark_core.models.best_weights import BestWeights
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import batches_on
from shark_core.models.optimizers import Optimizers
from shark_core.models.predictions import Predictions, predict
from shark_core.models.seeds import derived_seed
from shark_core.models.step_hooks import NO_HOOKS, StepHooks
from shark_core.traffic.examples import ExampleReader


@dataclass(frozen=True)
class FitSettings:
    """`stage` names the run in messages and separates its order of examples from other stages'."""

    stage: str
    epochs: int
    batch_size: int
    embedding_learning_rate: float
    dense_learning_rate: float
    patience: int
    shuffle_rows: int
    seed: int

    @classmethod
    def of_training(cls, config: PipelineConfig) -> Self:
        options = config.training.model_dump(include=set(cls.__annotations__))
        return cls(stage="training", **options)

    @classmethod
    def of_finetuning(cls, config: PipelineConfig) -> Self:
        """Finetuning's epochs and learning rates; all else as in training."""
        names = set(cls.__annotations__)
        options = config.training.model_dump(include=names)
        own = config.finetuning.model_dump(include=names)
        return cls(stage="finetuning", **{**options, **own})


@dataclass(frozen=True)
class FitResult:
    """Of the epoch whose weights the model has. `epochs` were trained, `examples` in each.

    `train_log_loss` is the mean over the epoch's steps, each before its update; None where the
    weights are those that the model came with.
    """

    epochs: int
    best_epoch: int
    examples: int
    train_log_loss: float | None
    validation: Predictions
    row_sums: dict[str, Tensor]


@dataclass(frozen=True)
class _Epoch:
    examples: int
    log_loss: float


def fit(
    model: CtrModel,
    examples: ExampleReader,
    validation: ExampleReader,
    settings: FitSettings,
    row_sums: Mapping[str, Tensor] | None = None,
    hooks: StepHooks = NO_HOOKS,
) -> FitResult:
    """Train in place. With more than one epoch, the weights of the best on `validation` stay, and
    `patience` epochs in a row without improvement end the training.

    `row_sums` continues earlier row-wise Adagrad state; `hooks` run around each step. Raises
    `PermanentError` where the loss is not finite.
    """
    optimizers = Optimizers(model, settings.embedding_learning_rate, settings.dense_learning_rate)
    optimizers.load_row_sums(row_sums or {})
    best = BestWeights(model, optimizers, hooks, keep_copies=settings.epochs > 1)
    trained: list[_Epoch] = []
    for number in range(1, settings.epochs + 1):
        trained.append(_epoch(model, examples, settings, number, optimizers, hooks))
        hooks.after_epoch(model)
        best.offer(number, predict(model, validation, settings.batch_size))
        if number - best.epoch >= settings.patience:
            break
    best.restore()
    return FitResult(
        epochs=len(trained),
        best_epoch=best.epoch,
        examples=trained[-1].examples if trained else 0,
        train_log_loss=trained[best.epoch - 1].log_loss if trained else None,
        validation=best.validation or predict(model, validation, settings.batch_size),
        row_sums=optimizers.row_sums,
    )


def _epoch(
    model: CtrModel,
    examples: ExampleReader,
    settings: FitSettings,
    number: int,
    optimizers: Optimizers,
    hooks: StepHooks,
) -> _Epoch:
    """One pass over the examples, in an order of its own."""
    model.train()
    seed = derived_seed(settings.seed, settings.stage, number)
    seen, total = 0, 0.0
    batches = batches_on(model.device, examples, settings.batch_size, settings.shuffle_rows, seed)
    with tqdm(
        desc=f"{settings.stage}, epoch {number}", unit=" examples", disable=not sys.stderr.isatty()
    ) as bar:
        for batch in batches:
            hooks.before_step(model, batch)
            total += _step(model, batch, optimizers, settings) * len(batch)
            hooks.after_step(model, batch)
            seen += len(batch)
            bar.update(len(batch))
    return _Epoch(seen, total / seen)


def _step(model: CtrModel, batch: Batch, optimizers: Optimizers, settings: FitSettings) -> float:
    """One update on the mean log-loss of the batch; gives that loss."""
    loss = F.binary_cross_entropy_with_logits(model(batch), batch.label)
    value = loss.item()
    if not math.isfinite(value):
        raise PermanentError(
            f"the loss is not finite in {settings.stage}",
            expected="a finite log-loss",
            found=value,
            where=f"embedding_learning_rate {settings.embedding_learning_rate:g}, "
            f"dense_learning_rate {settings.dense_learning_rate:g}",
            remedy="lower the learning rates, or scale large dense features by signed_log1p",
        )
    optimizers.zero_grad()
    torch.autograd.backward(loss)
    optimizers.step()
    return value
