"""The ids of a day and their effects: functions of (seed, field, id), so that nothing is stored
and an id keeps its effect for as long as it lives.

    slot      0    1    2    3         ids of 4 slots; drift 0.5 replaces half of them a day
    day 0     0    1    2    3
    day 1     0    5    2    7         id = slot + cardinality · generation
    day 2     4    5    6    7
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shark_core.traffic.synthetic.power_law import PowerLaw
from shark_core.traffic.synthetic.spec import PlantedField


def stream_key(seed: int, *names: object) -> int:
    """A 64-bit key for the random numbers that `names` stand for."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def hashed_uniform(key: int, values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Numbers in (0, 1), one for each (key, value) (N,): SplitMix64's finaliser (Steele 2014)."""
    with np.errstate(over="ignore"):
        x = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return ((x >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53


def hashed_normal(seed: int, name: str, values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard normal numbers (N,), by Box and Muller's transform."""
    radius = np.sqrt(-2.0 * np.log(hashed_uniform(stream_key(seed, name, "radius"), values)))
    angle = 2.0 * np.pi * hashed_uniform(stream_key(seed, name, "angle"), values)
    return radius * np.cos(angle)


def ids_of_day(field: PlantedField, seed: int, day_number: int) -> NDArray[np.int64]:
    """The id in each slot (C,) on the `day_number`-th day, counted from 0."""
    slots = np.arange(field.cardinality, dtype=np.int64)
    phase = hashed_uniform(stream_key(seed, field.name, "phase"), slots)
    generation = np.floor(phase + field.drift * day_number).astype(np.int64)
    return slots + field.cardinality * generation


@dataclass(frozen=True)
class DayEffects:
    """`ids` (C,) and `effects` (C,) of a field's slots on one day, and the law that draws them."""

    law: PowerLaw
    ids: NDArray[np.int64]
    effects: NDArray[np.float64]


def day_effects(field: PlantedField, seed: int, day_number: int) -> DayEffects:
    """Effects have mean 0 and deviation `strength` over the impressions of day 0.

    Later days use day 0's scale, so that an id that stays keeps its effect to the bit.
    """
    law = PowerLaw(field.cardinality, field.exponent)
    ids = ids_of_day(field, seed, day_number)
    weights = law.probabilities()
    first = hashed_normal(seed, field.name, ids_of_day(field, seed, 0))
    mean = weights @ first
    deviation = np.sqrt(weights @ (first - mean) ** 2)
    effects = (hashed_normal(seed, field.name, ids) - mean) * (field.strength / deviation)
    return DayEffects(law, ids, effects * _list_scale(field))


def _list_scale(field: PlantedField) -> float:
    """Makes the mean over a list of 0 … L ids, empty = 0, deviate like a single id.

    Var(mean) = σ² · E[1/n; n > 0], with n uniform on 0 … L.
    """
    if not field.multi_valued:
        return 1.0
    lengths = np.arange(1, field.max_values + 1)
    return float(1.0 / np.sqrt((1.0 / lengths).sum() / (field.max_values + 1)))
