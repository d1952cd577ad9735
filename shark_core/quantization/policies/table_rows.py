"""What a policy knows of a table's rows, and what it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default

import numpy as np

from shark_core.errors import DataError

TierCodes = dict[str, np.ndarray]  # field → uint8 (N,), places in `TIERS`
NO_TIER = 255


@dataclass(frozen=True)
class TableRows:
    """The N rows of one field's table.

        priority   float64 (N,)
        losses     tier → float32 (N,): predicted log-loss of storing a row so; for loss_aware only
        previous   uint8 (N,), the tiers of the day before, `NO_TIER` for rows that are new; None
                   where there was no such day

    Raises `DataError` where a priority is NaN or negative.
    """

    field: str
    embedding_dim: int
    priority: np.ndarray
    losses: Mapping[str, np.ndarray] = default(default_factory=dict)
    previous: np.ndarray | None = None

    def __post_init__(self) -> None:
        unusable = ~(self.priority >= 0)
        if unusable.any():
            row = int(np.flatnonzero(unusable)[0])
            raise DataError(
                "a row has no usable priority",
                expected="a number that is not negative",
                found=self.priority[row],
                where=f"field {self.field!r}, row {row}",
                remedy="run `python -m jobs update-priorities` for this day again",
            )

    def __len__(self) -> int:
        return len(self.priority)


@dataclass(frozen=True)
class Assigned:
    """`tier_codes` of every row; `figures` are what was solved for."""

    tier_codes: TierCodes
    figures: dict[str, float] = default(default_factory=dict)
