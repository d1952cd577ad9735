"""What is planted in synthetic traffic: fields and dense features of chosen strength.

The logit of an impression is additive, so that the truth about every feature is known:

    z = bias + Σ_fields effect_f(ids) + Σ_dense strength_d · x_d        y ~ Bernoulli(σ(z))

`infra/traffic/demo.yaml` is a complete example.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field as Key
from pydantic import model_validator

from shark_core.config_sections import Count, Name, NonNegative, Section, Share

Role = Literal["informative", "noise", "redundant"]


class PlantedField(Section):
    """A column of ids, drawn by a power law over `cardinality` slots.

    `strength`: standard deviation of the field's part of the logit; 0 plants pure noise.
    `exponent`: p(slot r) ~ (r+1)^-exponent; 0 is uniform.
    `drift`: share of slots whose id retires each day for a new one, with an effect of its own.
    `max_values`: above 1, each impression has a list of 0 … max_values ids; their effects average.
    `text`: ids are strings such as `brand_17` instead of integers.
    """

    name: Name
    cardinality: Annotated[int, Key(ge=2, lt=2**31)]
    strength: NonNegative = 0.0
    exponent: NonNegative = 1.05
    drift: Share = 0.0
    missing: Share = 0.0
    max_values: Count = 1
    text: bool = False

    @model_validator(mode="after")
    def _lists_are_never_missing(self) -> Self:
        if self.max_values > 1 and self.missing > 0:
            raise ValueError("a multi-valued field is empty at times: leave 'missing' out")
        return self

    @property
    def multi_valued(self) -> bool:
        return self.max_values > 1

    @property
    def role(self) -> Role:
        return "informative" if self.strength > 0 else "noise"


class PlantedCopy(Section):
    """A column that repeats another one of ids: redundant, either of the two can go."""

    name: Name
    copies: Name
    strength: Literal[0] = 0
    role: Literal["redundant"] = "redundant"


class PlantedDense(Section):
    """A number x ~ N(0, 1). `log`: the column holds sign(x)·(exp(|x|) − 1), and
    `signed_log1p` gives x back. A missing one is null and adds nothing to the logit."""

    name: Name
    strength: NonNegative = 0.0
    log: bool = False
    missing: Share = 0.0

    @property
    def role(self) -> Role:
        return "informative" if self.strength > 0 else "noise"


class TrafficSpec(Section):
    """`base_rate` is the share of positives aimed at."""

    base_rate: Annotated[float, Key(gt=0.0, lt=1.0)] = 0.2
    fields: Annotated[tuple[PlantedField, ...], Key(min_length=1)]
    copies: tuple[PlantedCopy, ...] = ()
    dense_features: tuple[PlantedDense, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique_and_known(self) -> Self:
        names = ["label", "event_time", *(feature.name for feature in self.planted)]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"names used more than once, or reserved: {repeated}")
        sources = {copy.copies for copy in self.copies}
        if unknown := sorted(sources - {field.name for field in self.fields}):
            raise ValueError(f"copies of fields that do not exist: {unknown}")
        return self

    @property
    def planted(self) -> tuple[PlantedField | PlantedCopy | PlantedDense, ...]:
        """Everything with a column of its own."""
        return (*self.fields, *self.copies, *self.dense_features)

    @property
    def bias(self) -> float:
        """The logit's mean that gives `base_rate`: E σ(N(b, s²)) ≈ σ(b / √(1 + π s²/8))."""
        variance = sum(feature.strength**2 for feature in self.planted)
        odds = math.log(self.base_rate / (1.0 - self.base_rate))
        return odds * math.sqrt(1.0 + math.pi * variance / 8.0)
