"""Predicted against measured change as a drawing: where points, intervals and ticks lie. Pure.

Both axes share one scale, in pixels from the upper left corner, so that the diagonal is where a
prediction comes true.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shark_core.report.numbers import significant
from shark_core.report.pruning_report import MeasuredStep

LEFT, TOP, SIDE = 64.0, 12.0, 300.0  # the square that is drawn in
MARGIN = 0.06  # of the range, on either side
NARROWEST = 1e-9  # of log-loss: less is no change
TICKS = 5  # about so many on an axis


@dataclass(frozen=True)
class Point:
    """`y_low`, `y_high`: the ends of the measured interval; `label`: what a reader is told."""

    x: float
    y: float
    y_low: float
    y_high: float
    label: str
    contains_prediction: bool


@dataclass(frozen=True)
class Tick:
    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Scatter:
    points: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    left: float = LEFT
    top: float = TOP
    side: float = SIDE


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def x(self, value: float) -> float:
        return round(LEFT + SIDE * self._share(value), 2)

    def y(self, value: float) -> float:
        return round(TOP + SIDE * (1.0 - self._share(value)), 2)

    def _share(self, value: float) -> float:
        """Of the axis, from 0 to 1: an endless interval ends at the edge."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def scatter(checks: Sequence[MeasuredStep]) -> Scatter:
    scale = _scale(checks)
    return Scatter(
        points=tuple(_point(check, scale) for check in checks),
        ticks=tuple(
            Tick(scale.x(value), scale.y(value), significant(value)) for value in _ticks(scale)
        ),
    )


def _scale(checks: Sequence[MeasuredStep]) -> _Scale:
    values = [0.0]
    for check in checks:
        values += [check.predicted.mean, check.measured.low, check.measured.high]
    finite = [value for value in values if math.isfinite(value)]
    spread = max(max(finite) - min(finite), NARROWEST)
    return _Scale(min(finite) - MARGIN * spread, max(finite) + MARGIN * spread)


def _point(check: MeasuredStep, scale: _Scale) -> Point:
    return Point(
        x=scale.x(check.predicted.mean),
        y=scale.y(check.measured.difference),
        y_low=scale.y(check.measured.low),
        y_high=scale.y(check.measured.high),
        label=f"{check.day}, {', '.join(check.fields)}: predicted "
        f"{check.predicted.mean:+.5f}, measured {check.measured}",
        contains_prediction=check.contains_prediction,
    )


def _ticks(scale: _Scale) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (scale.high - scale.low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    return [multiple * step for multiple in range(first, last + 1)]
