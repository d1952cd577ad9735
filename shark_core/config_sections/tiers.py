"""How the tier of each row is chosen, and how each tier is stored.

tiers: {int8_below: 20, fp16_below: 200}                            thresholds: the default
tiers: {policy: budget, target_ratio: 8, int8_below: 20, fp16_below: 200}
tiers: {policy: loss_aware, target_ratio: 12, choices: [pruned, int2, int4, int8]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Tag, field_validator, model_validator
from pydantic import Field as Key

from shark_core.config_sections.section import NonNegative, Section

TierName = Literal["fp32", "fp16", "int8", "int4", "int2", "pruned"]

# How a tier can be stored; first what it is where the config does not say.
SCHEMES_OF_TIER: Mapping[str, tuple[str, ...]] = {
    "fp32": ("fp32",),
    "fp16": ("fp16",),
    "int8": ("int8",),
    "int4": ("int4", "int4_shared"),
    "int2": ("int2_shared", "int2"),
    "pruned": ("pruned",),
}
DEFAULT_SCHEMES = {tier: schemes[0] for tier, schemes in SCHEMES_OF_TIER.items()}


class _Policy(Section):
    """What all policies share.

    `schemes`: how a tier is stored, where that is not the default. `hysteresis`: a row changes its
    tier from one day to the next only if it passes a limit by this share, or its cost falls by more
    than it, so that rows do not flap; 0: none.
    """

    schemes: dict[str, str] = Key(default_factory=lambda: dict(DEFAULT_SCHEMES))
    hysteresis: Annotated[float, Key(ge=0.0, lt=1.0)] = 0.1

    @field_validator("schemes")
    @classmethod
    def _schemes_store_their_tiers(cls, schemes: dict[str, str]) -> dict[str, str]:
        """Those given, over the defaults."""
        for tier, scheme in schemes.items():
            if tier not in SCHEMES_OF_TIER:
                raise ValueError(f"{tier!r} is no tier; tiers are {', '.join(SCHEMES_OF_TIER)}")
            if scheme not in SCHEMES_OF_TIER[tier]:
                allowed = " or ".join(SCHEMES_OF_TIER[tier])
                raise ValueError(f"{tier} is stored by {allowed}, not by {scheme!r}")
        return {**DEFAULT_SCHEMES, **schemes}


class _PriorityLimits(_Policy):
    """A row is in the first tier whose limit its priority is below, fp32 where there is none."""

    pruned_below: NonNegative = 0.0
    int2_below: NonNegative = 0.0
    int4_below: NonNegative = 0.0
    int8_below: NonNegative
    fp16_below: NonNegative

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        names = [f"{tier}_below" for tier in self.limits]
        values = list(self.limits.values())
        for place in range(1, len(names)):
            if values[place] < values[place - 1]:
                raise ValueError(f"{names[place]} must be at least {names[place - 1]}")
        return self

    @property
    def limits(self) -> dict[str, float]:
        """Tier → the priority that its rows are below, ascending; what is above them is fp32."""
        return {
            "pruned": self.pruned_below,
            "int2": self.int2_below,
            "int4": self.int4_below,
            "int8": self.int8_below,
            "fp16": self.fp16_below,
        }


class Thresholds(_PriorityLimits):
    """Limits as they are: the paper's rule, which knows int8, fp16 and fp32."""

    policy: Literal["thresholds"] = "thresholds"


TargetRatio = Annotated[float, Key(ge=1.0)]


class Budget(_PriorityLimits):
    """Limits times one factor, the least with which all bytes fit.

    `target_ratio`: bytes of all fields in fp32 over all bytes of what is stored: packed rows, row
    maps, table params, constants of pruned fields.
    """

    policy: Literal["budget"] = "budget"
    target_ratio: TargetRatio

    @model_validator(mode="after")
    def _has_a_shape(self) -> Self:
        if self.fp16_below == 0:
            raise ValueError("fp16_below must be above 0: there is no limit to multiply")
        return self


class LossAware(_Policy):
    """The tiers with the least predicted loss that fit the bytes; `target_ratio` as in `Budget`.

    `choices`: the tiers that rows may be in.
    """

    policy: Literal["loss_aware"] = "loss_aware"
    target_ratio: TargetRatio
    choices: Annotated[tuple[TierName, ...], Key(min_length=1)] = (
        "pruned",
        "int2",
        "int4",
        "int8",
        "fp16",
    )

    @field_validator("choices")
    @classmethod
    def _named_once(cls, choices: tuple[TierName, ...]) -> tuple[TierName, ...]:
        if repeated := sorted({tier for tier in choices if choices.count(tier) > 1}):
            raise ValueError(f"named more than once: {repeated}")
        return choices


DEFAULT_POLICY = "thresholds"
POLICIES = (DEFAULT_POLICY, "budget", "loss_aware")


def _policy_of(values: Any) -> Any:
    if isinstance(values, Section):
        return getattr(values, "policy", None)
    return values.get("policy", DEFAULT_POLICY) if isinstance(values, dict) else DEFAULT_POLICY


def _known_policy(values: Any) -> Any:
    if (policy := _policy_of(values)) not in POLICIES:
        raise ValueError(f"policy must be one of {', '.join(POLICIES)}; it is {policy!r}")
    return values


def _tag_of(values: Any) -> str:
    """In brackets: it is no key, and `shark_core.config` leaves it out of the paths of errors."""
    return f"<{_policy_of(values)}>"


Tiers = Annotated[
    Annotated[Thresholds, Tag("<thresholds>")]
    | Annotated[Budget, Tag("<budget>")]
    | Annotated[LossAware, Tag("<loss_aware>")],
    Discriminator(_tag_of),
    BeforeValidator(_known_policy),
]
