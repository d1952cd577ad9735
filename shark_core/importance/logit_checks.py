"""Is what a head gives a logit, do the labels fit, and is everything finite?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from shark_core.errors import ConfigError, PermanentError
from shark_core.models.ctr_model import CtrModel

MILLION_TO_ONE = math.log(1e6)


def check_shape(output: object, examples: int, tasks: Sequence[str]) -> None:
    """Raises `ConfigError` unless it is a float tensor `(B,)`, or `(B, T)` with T tasks."""
    expected = (examples, len(tasks)) if tasks else (examples,)
    if isinstance(output, Tensor) and output.is_floating_point() and output.shape == expected:
        return
    found = f"{output.dtype} {tuple(output.shape)}" if isinstance(output, Tensor) else type(output)
    raise ConfigError(
        "the model's output is not a logit",
        expected=f"floating-point numbers of shape {expected}",
        found=found,
        where="the head's forward",
        remedy="give one logit per example; for several tasks, name them in the attribute `tasks`",
    )


def check_labels(label: Tensor, examples: int, tasks: Sequence[str]) -> None:
    """Raises `ConfigError` unless they are `(B,)`, or `(B, T)` with T tasks."""
    expected = (examples, len(tasks)) if tasks else (examples,)
    if label.shape == expected:
        return
    order = f", in the order of {list(tasks)}" if tasks else ""
    raise ConfigError(
        "the labels do not fit the model's logits",
        expected=f"labels of shape {expected}{order}",
        found=f"shape {tuple(label.shape)}",
        remedy="give one label an example; for a model of several tasks, one column a task",
    )


def check_is_logit(logits: Tensor, label: Tensor) -> None:
    """Raises `ConfigError` where the outputs `(B,)` look like probabilities.

    They do where all lie in [0, 1] and the labels are a million times likelier if they are
    probabilities than if they are logits. A calibrated model's logits in [0, 1] are refused once in
    a million batches at most (Markov's inequality for the likelihood ratio). Scores from
    probabilities would be wrong without any other sign.
    """
    if not ((logits >= 0) & (logits <= 1)).all():
        return
    as_they_stand = F.binary_cross_entropy(logits.clamp(0.01, 0.99), label, reduction="sum")
    as_logits = F.binary_cross_entropy_with_logits(logits, label, reduction="sum")
    if as_logits - as_they_stand > MILLION_TO_ONE:
        raise ConfigError(
            "the model's output looks like probabilities, not logits",
            expected="logits: any real number, 0 for a probability of one half",
            found=f"{len(logits)} outputs from {logits.min():.3g} to {logits.max():.3g}, "
            f"{logits.mean():.3g} on average where {label.mean():.3g} of the labels are positive",
            where="the head's forward",
            remedy="leave the sigmoid out of the head",
        )


def check_finite(model: CtrModel, figures: Mapping[str, float]) -> None:
    """Raises `PermanentError` that names the tables, or the head, where a figure is not finite."""
    bad = [name for name, figure in figures.items() if not math.isfinite(figure)]
    if not bad:
        return
    tables = [name for name in model.kept if not _finite(model.embeddings.weight(name))]
    head = [name for name, weight in model.head.named_parameters() if not _finite(weight)]
    culprits = [f"table of field {name!r}" for name in tables] + [f"head's {name}" for name in head]
    raise PermanentError(
        "scores are not finite",
        expected="finite weights and logits",
        found=f"not finite for {bad}",
        where=", ".join(culprits) or "the logits: all weights are finite",
        remedy="the training diverged: lower the learning rates and train the day again",
    )


@torch.no_grad()
def _finite(weight: Tensor) -> bool:
    return bool(torch.isfinite(weight).all())
