"""How many rows changed their tier since the day before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Churn:
    """Of the rows that have a tier on both days: `share` changed it. None where there are none."""

    rows: int
    changed: int

    @property
    def share(self) -> float | None:
        return self.changed / self.rows if self.rows else None


def churn(today: Mapping[str, np.ndarray], before: Mapping[str, np.ndarray]) -> dict[str, Churn]:
    """By field that has tiers uint8 (N,) on both days; a table that grew is compared as far as it
    went.
    """
    return {name: _changed(codes, before[name]) for name, codes in today.items() if name in before}


def _changed(today: np.ndarray, before: np.ndarray) -> Churn:
    rows = min(len(today), len(before))
    return Churn(rows, int(np.count_nonzero(today[:rows] != before[:rows])))


def total(by_field: Mapping[str, Churn]) -> Churn:
    parts = by_field.values()
    return Churn(sum(part.rows for part in parts), sum(part.changed for part in parts))
