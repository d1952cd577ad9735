"""What is compared: which fields go, and which tiers the rows of the others get.

uniform     no field pruned, one tier for all rows
paper       SHARK as published: F-Permutation drops the least important fields until the ratio
            is reached; rows by priority, 90 % int8, 8 % fp16, 2 % fp32
frequency   fields measured to hurt are dropped; rows by priority over all six tiers, limits solved
            from the byte budget
ours        fields measured to hurt are dropped; rows by predicted loss over all tiers
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from shark_core.config_sections import Budget, LossAware, Thresholds
from tests.benchmarks.compression.baselines import Ranked

PAPER_MIX = {"int8": 0.90, "fp16": 0.98}  # the share of rows that are below the limit
FREQUENCY_SHAPE = {"pruned": 1.0, "int2": 4.0, "int4": 30.0, "int8": 300.0, "fp16": 3000.0}
SHARED = {"int4": "int4_shared", "int2": "int2_shared"}
EVERY_PRIORITY = 1e300
LIMITED = ("int2", "int4", "int8", "fp16")

Policy = Thresholds | Budget | LossAware


@dataclass(frozen=True)
class Contender:
    """`target`: the ratio asked for; None where a contender has just one."""

    family: str
    target: float | None
    dropped: Callable[[Ranked], list[str]]
    policy: Callable[[Ranked], Policy]
    drop_until_reached: bool = False

    @property
    def name(self) -> str:
        return self.family if self.target is None else f"{self.family} {self.target:g}x"


def uniform(tier: str, scheme: str) -> Contender:
    from_here = LIMITED[LIMITED.index(tier) :]  # a row is in the first tier that it is below
    limits = dict.fromkeys(LIMITED, 0.0) | dict.fromkeys(from_here, EVERY_PRIORITY)
    policy = _thresholds(limits, {tier: scheme})
    return Contender(scheme, None, lambda ranked: [], lambda ranked: policy)


def paper(target: float) -> Contender:
    return Contender("paper", target, _by_f_permutation, _paper_limits, drop_until_reached=True)


def frequency(target: float) -> Contender:
    limits = {f"{tier}_below": limit for tier, limit in FREQUENCY_SHAPE.items()}
    policy = Budget.model_validate({"target_ratio": target, "schemes": SHARED, **limits})
    return Contender("frequency", target, _that_hurt, lambda ranked: policy)


def ours(target: float) -> Contender:
    policy = LossAware(target_ratio=target, schemes=SHARED)
    return Contender("ours", target, _that_hurt, lambda ranked: policy)


@dataclass(frozen=True)
class Size:
    """`targets`: the ratios asked for. `uniform`: tier and scheme of all rows. `finetuning_days`:
    the last training days, seen a second time.
    """

    seeds: int
    finetuning_days: int
    targets: tuple[float, ...]
    uniform: tuple[tuple[str, str], ...]


FULL = Size(
    seeds=3,
    finetuning_days=2,
    targets=(2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 26.0, 33.0),
    uniform=(("fp16", "fp16"), ("int8", "int8"), ("int4", "int4"), ("int4", "int4_shared")),
)
QUICK = Size(seeds=1, finetuning_days=1, targets=(12.0,), uniform=(("int8", "int8"),))


def contenders(size: Size) -> list[Contender]:
    alike = [uniform(tier, scheme) for tier, scheme in size.uniform]
    families = (paper, frequency, ours)
    return alike + [family(target) for family in families for target in size.targets]


def _by_f_permutation(ranked: Ranked) -> list[str]:
    """The least important first; as many are dropped as it takes."""
    scores = ranked.f_permutation
    return sorted(scores, key=lambda name: scores[name])


def _that_hurt(ranked: Ranked) -> list[str]:
    return [*ranked.hurting]


def _paper_limits(ranked: Ranked) -> Thresholds:
    priorities = np.concatenate([*ranked.priorities.values()])
    return _thresholds({t: float(np.quantile(priorities, q)) for t, q in PAPER_MIX.items()}, {})


def _thresholds(limits: Mapping[str, float], schemes: Mapping[str, str]) -> Thresholds:
    below = {f"{tier}_below": limit for tier, limit in limits.items()}
    return Thresholds.model_validate({**below, "schemes": dict(schemes)})
