"""What the rows of one table cost in each tier, and the cheapest mix of tiers at a price.

    cost of a table = Σ_rows (loss + λ·bytes of the row)  +  λ·bytes that a set of tiers takes

A set takes its table params and the row map: a map of five tiers takes half a byte a row, of four
a quarter, so that a tier with few rows may cost more than it gains. At most 63 sets are compared.

Rows that no example reads lose nothing in any tier: they are held once for each tier that they had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress

import numpy as np

from shark_core.errors import DataError
from shark_core.quantization.policies.stored_bytes import ByteBudget
from shark_core.quantization.policies.table_rows import NO_TIER, TableRows
from shark_core.quantization.tiers import TIERS

ROWS_AT_ONCE = 1 << 13  # so few that the costs in all sets of tiers stay in the cache


@dataclass(frozen=True)
class Mix:
    """A tier for each row: `choice` (M,), places in the table's tiers, all of them in `tiers`.

    `bytes` of the rows and of the set of tiers, used or not.
    """

    tiers: tuple[int, ...]
    choice: np.ndarray
    bytes: int


@dataclass(frozen=True)
class TableCosts:
    """T tiers, fewest bytes a row first; M rows, each of them `weights` rows of the table.

    codes      (T,) places in `TIERS`
    row_bytes  (T,)
    losses     float32 (T, M)
    previous   (M,) codes of the day before
    weights    (M,)
    places     (N,) which of the M each row of the table is
    fixed      (2**T,) bytes that a set of tiers takes, by its bits
    """

    codes: np.ndarray
    row_bytes: np.ndarray
    losses: np.ndarray
    previous: np.ndarray
    weights: np.ndarray
    places: np.ndarray
    fixed: np.ndarray

    @classmethod
    def of(cls, table: TableRows, choices: Sequence[str], budget: ByteBudget) -> TableCosts:
        """Raises `DataError` where a predicted loss is not a number or negative."""
        dim = table.embedding_dim
        tiers = sorted(choices, key=lambda tier: (budget.row_bytes(tier, dim), -TIERS.index(tier)))
        losses = np.stack([table.losses[tier] for tier in tiers])  # (T, N)
        _refuse_unusable(losses, table)
        codes = np.array([TIERS.index(tier) for tier in tiers], dtype=np.uint8)
        previous = _known(table.previous, codes, len(table))
        kinds = np.where(losses.any(axis=0), NO_TIER + 1 + np.arange(len(table)), previous)
        _, first, places, weights = np.unique(
            kinds, return_index=True, return_inverse=True, return_counts=True
        )
        return cls(
            codes,
            np.array([budget.row_bytes(tier, dim) for tier in tiers]),
            losses[:, first],
            previous[first],
            weights,
            places,
            np.array([0] + [budget.fixed_bytes(table, of_set) for of_set in _sets(tiers)]),
        )

    @cached_property
    def _all_sets(self) -> np.ndarray:
        """Bits of all sets but the empty one, fewest bytes first."""
        return 1 + np.argsort(self.fixed[1:], kind="stable")

    @cached_property
    def _set_before(self) -> int:
        """Bits of the tiers that rows had the day before."""
        return _bits(np.flatnonzero(np.isin(self.codes, self.previous)).tolist())

    @property
    def loss_range(self) -> float:
        """What the choice of tiers can change of the table's loss."""
        ranges = self.losses.max(axis=0) - self.losses.min(axis=0)
        return float(ranges.sum(dtype=np.float64))

    def tier_codes(self, mix: Mix) -> np.ndarray:
        """uint8 (N,)"""
        codes: np.ndarray = self.codes[mix.choice][self.places]
        return codes

    def cheapest(self, price: float) -> Mix:
        """Over all sets of tiers; equal costs go to the set, and the tier, of fewer bytes."""
        return self._cheapest_of(self._all_sets, price, hysteresis=0.0)

    def held(self, tiers: tuple[int, ...], price: float, hysteresis: float) -> Mix:
        """Within these tiers or those of the day before, where staying costs less by a share."""
        sets = [bits for bits in self._all_sets if bits in (_bits(tiers), self._set_before)]
        return self._cheapest_of(np.array(sets), price, hysteresis)

    def _cheapest_of(self, sets: np.ndarray, price: float, hysteresis: float) -> Mix:
        totals = np.zeros(len(self.fixed))
        for run in self._runs():
            costs = self._costs(run, price, hysteresis)  # (T, R)
            least = np.full((len(totals), costs.shape[1]), np.inf)  # of each set, by its bits
            for place, of_tier in enumerate(costs):
                np.minimum(least[: 1 << place], of_tier, out=least[1 << place : 2 << place])
            totals += np.einsum("sr,r->s", least, self.weights[run])
        totals += price * self.fixed
        bits = int(sets[np.argmin(totals[sets])])
        tiers = tuple(place for place in range(len(self.codes)) if bits >> place & 1)
        return self.within(tiers, price, hysteresis)

    def within(self, tiers: tuple[int, ...], price: float, hysteresis: float = 0.0) -> Mix:
        """Each row in the cheapest of these tiers."""
        members = np.array(tiers, dtype=np.int8)
        costs = (self._costs(run, price, hysteresis) for run in self._runs())
        choice = np.concatenate([members[of_run[members].argmin(axis=0)] for of_run in costs])
        of_rows = int((self.row_bytes[choice] * self.weights).sum())
        return Mix(tiers, choice, of_rows + int(self.fixed[_bits(tiers)]))

    def _runs(self) -> list[slice]:
        starts = range(0, len(self.weights), ROWS_AT_ONCE)
        return [slice(start, start + ROWS_AT_ONCE) for start in starts]

    def _costs(self, run: slice, price: float, hysteresis: float) -> np.ndarray:
        """float64 (T, R). A row's tier of the day before is cheaper by the hysteresis."""
        costs = self.losses[:, run] + price * self.row_bytes[:, None].astype(np.float64)
        stays = self.previous[run] == self.codes[:, None]
        return np.where(stays, costs * (1.0 - hysteresis), costs)


def _bits(places: Iterable[int]) -> int:
    return sum(1 << place for place in places)


def _sets(tiers: Sequence[str]) -> list[list[str]]:
    """By their bits: that of 1 is the first tier, of 2 the second, of 3 both, …"""
    return [
        list(compress(tiers, (bits >> place & 1 for place in range(len(tiers)))))
        for bits in range(1, 1 << len(tiers))
    ]


def _known(previous: np.ndarray | None, codes: np.ndarray, rows: int) -> np.ndarray:
    """Tiers of the day before; `NO_TIER` for those that rows cannot have any more."""
    if previous is None:
        return np.full(rows, NO_TIER, dtype=np.uint8)
    return np.where(np.isin(previous, codes), previous, NO_TIER)


def _refuse_unusable(losses: np.ndarray, table: TableRows) -> None:
    usable = (np.isfinite(losses) & (losses >= 0)).all(axis=0)
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        raise DataError(
            "a row has no usable predicted loss",
            expected="a finite number that is not negative, in each tier",
            found=losses[:, row].tolist(),
            where=f"field {table.field!r}, row {row}",
            remedy="the training diverged: lower the learning rates and train the day again",
        )
