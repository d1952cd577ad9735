"""Does a head give logits, or probabilities, or logarithms of these?

Scores of either would be wrong without any other sign. What outputs look like does not tell: the
pipeline trains on logits, so that a sigmoid left in a head learns outputs whose *sigmoid* fits the
labels, and logits of rare labels are all below zero as logarithms are. So the head itself is tried
on far-out inputs, where a logit goes anywhere:

    outputs of the slice     the head, tried      is
    all in [0, 1]            from 0 to 1 only     a probability: a squashing function's whole range
    all ≤ 0                  from far below to 0  a logarithm of one
    all in [0, 1]            otherwise            a probability if the labels are a million times
                                                  likelier then, else a logit

The last line is for heads that stay near their usual outputs whatever they read, as behind a layer
norm. A calibrated model's logits are refused by it in one slice of a million at most (Markov's
inequality for the likelihood ratio). Outputs that are all the same are a logit: of a model that
learned a base rate, say. A slice with any output elsewhere needs no trial, as nearly all do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from shark_core.errors import ConfigError
from shark_core.importance.logits import task_names
from shark_core.importance.output_sums import OutputSums
from shark_core.models.ctr_model import CtrModel

MILLION_TO_ONE = math.log(1e6)
TRIED = 256  # far-out examples
FAR = 4  # powers of ten from the nearest of them to the furthest
NEAR = 0.05  # what counts as reaching an end of the range
FAR_BELOW = -5.0


@dataclass(frozen=True)
class _Range:
    lowest: float
    highest: float

    @property
    def is_from_0_to_1(self) -> bool:
        return 0 <= self.lowest < NEAR and 1 - NEAR < self.highest <= 1

    @property
    def is_from_far_below_to_0(self) -> bool:
        return self.lowest < FAR_BELOW and -NEAR < self.highest <= 0


def check_are_logits(model: CtrModel, outputs: Mapping[str, OutputSums]) -> None:
    """Raises `ConfigError` for tasks that give something else; `outputs` by task, of a pass.

    The model in eval mode. Parts of a slice each say less than they say merged.
    """
    for task, seen in outputs.items():
        in_unit, below_zero = seen.lowest >= 0 and seen.highest <= 1, seen.highest <= 0
        if seen.constant or not (in_unit or below_zero):
            continue
        reached = _reached(model, task)
        likelier = seen.as_logits - seen.as_probabilities > MILLION_TO_ONE
        if in_unit and (reached.is_from_0_to_1 or likelier):
            raise _not_logits("probabilities", "sigmoid", task, seen, reached)
        if below_zero and reached.is_from_far_below_to_0:
            raise _not_logits("logarithms of probabilities", "log-sigmoid", task, seen, reached)


@torch.no_grad()
def _reached(model: CtrModel, task: str) -> _Range:
    """Of the finite outputs for random inputs of growing size, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    sizes = torch.logspace(0, FAR, TRIED)[:, None]  # (TRIED, 1)

    def far_out(numbers: int) -> torch.Tensor:
        return (torch.randn(TRIED, numbers, generator=generator) * sizes).to(model.device)

    pooled = {name: far_out(dim) for name, dim in model.spec.field_dims.items()}
    output = model.head(pooled, far_out(len(model.spec.dense_features)))  # (TRIED,) or (TRIED, T)
    names = task_names(model.head)
    found = output[:, names.index(task)] if names else output
    found = found[torch.isfinite(found)].float()
    return _Range(*(end.item() for end in found.aminmax())) if len(found) else _Range(0.0, 0.0)


def _not_logits(
    what: str, function: str, task: str, seen: OutputSums, reached: _Range
) -> ConfigError:
    return ConfigError(
        f"the model's output looks like {what}, not logits",
        expected="logits: any real number, 0 for a probability of one half",
        found=f"{seen}; from {reached.lowest:.3g} to {reached.highest:.3g} for any other input",
        where=f"the head's forward, task {task!r}" if task else "the head's forward",
        remedy=f"leave the {function} out of the head; if there is none, the model has not learned "
        "how often labels are positive: train it longer",
    )
