"""Tiers by priority: hot rows keep bits.

`priority < int8_below → int8`, `< fp16_below → fp16`, else fp32, after the F-Quantization of SHARK
(arXiv 2308.09395, section 3.2), and so on downwards. A row that was never seen has priority 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shark_core.quantization.policies.stored_bytes import ByteBudget
from shark_core.quantization.policies.table_rows import Assigned, TableRows, TierCodes
from shark_core.quantization.tiers import TIERS

FACTOR_STEPS = 60  # of bisection: to one part in 2**60


def by_thresholds(
    tables: Sequence[TableRows], limits: Mapping[str, float], hysteresis: float
) -> TierCodes:
    """`limits`: tier → the priority below which rows are in it, ascending from few bits to many.

    A row that had a tier rises above a limit only at limit·(1 + hysteresis), and falls below it
    only under limit·(1 − hysteresis).

    >>> rows = TableRows("user", 16, np.array([0, 2, 9.0]))
    >>> codes = by_thresholds([rows], {"int8": 1, "fp16": 5}, hysteresis=0.1)
    >>> [TIERS[code] for code in codes["user"]]
    ['int8', 'fp16', 'fp32']
    """
    return {table.field: _tiers(table, limits, hysteresis) for table in tables}


def _tiers(table: TableRows, limits: Mapping[str, float], hysteresis: float) -> np.ndarray:
    fresh = _by_limits(table.priority, limits)
    if table.previous is None or hysteresis == 0:
        return fresh
    # Limits that a row has passed by less than the hysteresis hold it on the side where it was.
    fewest = _by_limits(table.priority / (1.0 + hysteresis), limits)
    most = _by_limits(table.priority / (1.0 - hysteresis), limits)
    held = np.clip(table.previous, most, fewest)  # codes grow as bits fall
    return np.where(np.isin(table.previous, _given(limits)), held, fresh)


def _given(limits: Mapping[str, float]) -> list[int]:
    """Codes of the tiers that rows can have: those with room below their limit, and fp32."""
    below = [0.0, *limits.values()]
    tiers = [tier for tier, last in zip(limits, below, strict=False) if limits[tier] > last]
    return [TIERS.index(tier) for tier in (*tiers, "fp32")]


def _by_limits(priority: np.ndarray, limits: Mapping[str, float]) -> np.ndarray:
    """uint8 (N,). Limits that are 0 take nothing."""
    codes = np.array([TIERS.index(tier) for tier in limits] + [TIERS.index("fp32")], np.uint8)
    place = np.searchsorted(np.array([*limits.values()]), priority, side="right")
    return codes[place]


def by_budget(
    tables: Sequence[TableRows],
    limits: Mapping[str, float],
    hysteresis: float,
    budget: ByteBudget,
) -> Assigned:
    """As `by_thresholds` with all limits times one factor, the smallest that fits the budget.

    Raises `ConfigError` where even the largest does not.
    """

    def scaled(factor: float) -> TierCodes:
        return by_thresholds(tables, _times(limits, factor), hysteresis)

    highest = max((float(table.priority.max(initial=0.0)) for table in tables), default=0.0)
    lowest_limit = next(limit for limit in limits.values() if limit > 0)
    low, high = 0.0, 2.0 * (highest + 1.0) / (lowest_limit * (1.0 - hysteresis))
    if budget.fits(tables, scaled(low)):
        return Assigned(scaled(low), {"factor": low})
    if not budget.fits(tables, scaled(high)):
        raise budget.refuse(budget.bytes_of(tables, scaled(high)))
    for _ in range(FACTOR_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if budget.fits(tables, scaled(middle)) else (middle, high)
    return Assigned(scaled(high), {"factor": high})


def _times(limits: Mapping[str, float], factor: float) -> dict[str, float]:
    return {tier: limit * factor for tier, limit in limits.items()}
