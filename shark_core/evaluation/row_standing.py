"""How well a day's models know each row of a table. Pure functions.

    priority of the day  −  β·(α·c⁺ + c⁻) of its held-out examples  =  trained priority
                                                                       │
                         0: new        lowest share of the table: rare │ above: neither

The day's priorities count all of its examples, those that are held out too; what these added is
taken off, so that a row that nothing but held-out examples read is new. So is a row last read so
long ago that its priority was dropped (`priority.floor`). A row that was counted in days of the
past (backfill-counts) is not new, though no training read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shark_core.config_sections import Priority
from shark_core.traffic.examples import FieldIds

ROUNDING = 1e-9  # of a priority: what taking the same sum off in another order may leave of it


@dataclass(frozen=True)
class RowStanding:
    """`new` and `rare` (R,) bool of a table of R rows; no row is both."""

    new: np.ndarray
    rare: np.ndarray

    @classmethod
    def of(cls, priority: np.ndarray, held_out: np.ndarray, rare_share: float) -> RowStanding:
        """From the day's priorities (R,), and what its held-out examples added to them (R,)."""
        left = priority - held_out
        trained = np.where(left > ROUNDING * priority, left, 0.0)
        return cls(new=trained == 0.0, rare=rarest(trained, rare_share))


def rarest(priority: np.ndarray, share: float) -> np.ndarray:
    """The rows of lowest priority above 0, as long as they hold together at most `share` of all.

    Rows of equal priority go in the order of their ids. Priorities (R,) → (R,) bool.

    >>> rarest(np.array([0.0, 1.0, 6.0, 2.0, 1.0]), share=0.2).tolist()
    [False, True, False, False, True]
    """
    rare = np.zeros(len(priority), dtype=np.bool_)
    known = np.flatnonzero(priority > 0.0)
    ascending = known[np.argsort(priority[known], kind="stable")]
    held = np.cumsum(priority[ascending])
    if len(held):
        rare[ascending[held <= share * held[-1]]] = True
    return rare


def add_accesses(
    priority: np.ndarray, label: np.ndarray, ids: FieldIds, settings: Priority
) -> None:
    """Add what B examples with labels (B,) add to their rows' priorities (R,), in place."""
    by_example = settings.decay * np.where(label == 1, settings.positive_weight, 1.0)  # (B,)
    np.add.at(priority, ids.values, np.repeat(by_example, np.diff(ids.offsets)))
