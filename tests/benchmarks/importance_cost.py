"""Seconds of one pass over the same batches: each method, and what it is measured against.

    forward_backward   logits of the whole model, mean log-loss, backward into tables and head
    means              the pooled embeddings' means, which come before a scoring pass
    calibration        a forward pass for the logits, and the line fitted through them; also before

Rounds alternate between all of them, and the ratio to forward + backward is taken within a round,
so that a machine that other work slows down slows down both sides. Batches are in memory: no
reading is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch
import torch.nn.functional as F

from shark_core.config_sections import Importance
from shark_core.importance.scoring import (
    calibrations,
    importance_method,
    mean_embeddings,
    score_sums,
)
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from tests.benchmarks.importance_scores import CALIBRATED, METHODS, PLAIN, SEED

LIMIT = "forward_backward"
MEANS, CALIBRATION = "means", "calibration"
BF16 = "logit_taylor_bf16"
SLOW = ("permutation", PLAIN, CALIBRATED)


@dataclass(frozen=True)
class Costs:
    """`seconds` of every pass, one entry a round; slow ones have fewer."""

    seconds: Mapping[str, Sequence[float]]

    def median(self, name: str) -> float:
        return median(self.seconds[name])

    def over_limit(self, *names: str) -> float:
        """Median over rounds of the passes' seconds together, over those of forward + backward."""
        rounds = zip(self.seconds[LIMIT], *(self.seconds[name] for name in names), strict=False)
        return float(median(sum(passes) / limit for limit, *passes in rounds))

    def speedup(self, name: str, over: str) -> float:
        """How many times one pass of `name` fits into one of `over`."""
        return self.median(over) / self.median(name)


def measure_costs(
    model: CtrModel, batches: Sequence[Batch], rounds: int, slow_rounds: int
) -> Costs:
    passes = _passes(model, batches)
    for name, run in passes.items():  # the first call of anything is slower
        if name not in SLOW:
            run()
    seconds: dict[str, list[float]] = {name: [] for name in passes}
    for number in range(rounds):
        for name, run in passes.items():
            if name not in SLOW or number < slow_rounds:
                seconds[name].append(_seconds(model, run))
    return Costs(seconds)


def _passes(model: CtrModel, batches: Sequence[Batch]) -> dict[str, Callable[[], object]]:
    means, fitted = mean_embeddings(model, batches).means(), calibrations(model, batches)
    bf16 = Importance(method="logit_taylor", precision="bf16")

    def scoring(settings: Importance) -> Callable[[], object]:
        method = importance_method(settings, means, SEED, None, fitted)
        return lambda: score_sums(model, batches, method)

    return {
        LIMIT: lambda: _forward_backward(model, batches),
        MEANS: lambda: mean_embeddings(model, batches),
        CALIBRATION: lambda: calibrations(model, batches),
        **{name: scoring(settings) for name, settings in METHODS.items()},
        BF16: scoring(bf16),
    }


def _forward_backward(model: CtrModel, batches: Sequence[Batch]) -> None:
    for batch in batches:
        loss = F.binary_cross_entropy_with_logits(model(batch), batch.label)
        torch.autograd.backward(loss)
        model.zero_grad(set_to_none=True)


def _seconds(model: CtrModel, run: Callable[[], object]) -> float:
    _finish(model)
    started = time.perf_counter()
    run()
    _finish(model)
    return time.perf_counter() - started


def _finish(model: CtrModel) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
