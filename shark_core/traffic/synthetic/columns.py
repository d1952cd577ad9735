"""Columns of synthetic traffic, drawn chunk by chunk.

Every column has random streams of its own, read in order: how the rows are cut into chunks, and
which other columns there are, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shark_core.traffic.synthetic.effects import DayEffects, day_effects, stream_key
from shark_core.traffic.synthetic.spec import PlantedDense, PlantedField


@dataclass(frozen=True)
class Drawn:
    """A chunk of a column: the `values` as logged and their part of the logit `effect` (N,)."""

    values: pa.Array
    effect: NDArray[np.float64]


class Column(Protocol):
    """`type` of its values; `draw` gives the next `count` of them."""

    @property
    def type(self) -> pa.DataType: ...

    def draw(self, count: int) -> Drawn: ...


def random_stream(seed: int, day_number: int, name: str, purpose: str) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(stream_key(seed, day_number, name, purpose)))


class _Ids:
    """Draws slots and looks their ids up."""

    def __init__(self, field: PlantedField, seed: int, day_number: int) -> None:
        self.field = field
        self.day: DayEffects = day_effects(field, seed, day_number)
        self.values = pa.array(self.day.ids)
        if field.text:
            self.values = pa.array([f"{field.name}_{value}" for value in self.day.ids.tolist()])
        self._slots = random_stream(seed, day_number, field.name, "slots")

    def draw(self, count: int) -> NDArray[np.int64]:
        return self.day.law.slots(self._slots.random(count))  # (count,)


class SingleValuedColumn:
    """One id an impression, or null.

    slots [0, 3, 0]  ─►  values [0, 7, null]   effect [e(0), e(7), 0]
    """

    def __init__(self, field: PlantedField, seed: int, day_number: int) -> None:
        self._ids = _Ids(field, seed, day_number)
        self._missing = random_stream(seed, day_number, field.name, "missing")

    @property
    def type(self) -> pa.DataType:
        return self._ids.values.type

    def draw(self, count: int) -> Drawn:
        slots = self._ids.draw(count)  # (count,)
        effect = self._ids.day.effects[slots]  # (count,)
        if self._ids.field.missing == 0.0:
            return Drawn(self._ids.values.take(pa.array(slots)), effect)
        missing = self._missing.random(count) < self._ids.field.missing  # (count,)
        values = self._ids.values.take(pa.array(slots, mask=missing))
        return Drawn(values, np.where(missing, 0.0, effect))


class MultiValuedColumn:
    """A list of ids an impression; its effect is the mean of theirs, that of an empty list 0.

    lengths [2, 0, 1]  ─►  values [[0, 7], [], [0]]   effect [(e(0)+e(7))/2, 0, e(0)]
    """

    def __init__(self, field: PlantedField, seed: int, day_number: int) -> None:
        self._ids = _Ids(field, seed, day_number)
        self._lengths = random_stream(seed, day_number, field.name, "lengths")

    @property
    def type(self) -> pa.DataType:
        return pa.list_(self._ids.values.type)

    def draw(self, count: int) -> Drawn:
        options = self._ids.field.max_values + 1
        lengths = (self._lengths.random(count) * options).astype(np.int32)  # (count,)
        offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int32)))  # (count + 1,)
        slots = self._ids.draw(int(offsets[-1]))  # (values,)
        owners = np.repeat(np.arange(count), lengths)  # (values,)
        sums = np.bincount(owners, self._ids.day.effects[slots], minlength=count)  # (count,)
        flat = self._ids.values.take(pa.array(slots))
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
        return Drawn(lists, sums / np.maximum(lengths, 1))


class DenseColumn:
    """A number an impression, or null."""

    type = pa.float64()

    def __init__(self, dense: PlantedDense, seed: int, day_number: int) -> None:
        self._dense = dense
        self._numbers = random_stream(seed, day_number, dense.name, "numbers")
        self._missing = random_stream(seed, day_number, dense.name, "missing")

    def draw(self, count: int) -> Drawn:
        x = self._numbers.standard_normal(count)  # (count,)
        missing = self._missing.random(count) < self._dense.missing  # (count,)
        logged = np.sign(x) * np.expm1(np.abs(x)) if self._dense.log else x  # (count,)
        effect = np.where(missing, 0.0, self._dense.strength * x)
        return Drawn(pa.array(logged, mask=missing), effect)


def field_column(field: PlantedField, seed: int, day_number: int) -> Column:
    kind = MultiValuedColumn if field.multi_valued else SingleValuedColumn
    return kind(field, seed, day_number)
