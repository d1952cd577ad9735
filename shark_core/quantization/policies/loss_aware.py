"""Tiers by what they cost: least predicted loss within a byte budget.

Rows and tables take what minimises `loss + λ·bytes` (`tier_costs`), all bytes counted; λ is solved
from the budget. That is the Lagrangian of a knapsack with several choices an item: what it finds
for some λ is the best of all assignments with no more bytes (Everett 1963, "Generalized Lagrange
Multiplier Method").

    bytes  │──┐       sets of tiers are free: a table that drops a tier frees row map at once
    budget ┼─ ┼──┐─   then the sets stay, and λ falls until the budget is used;
           │  └──┴──  then rows of equal cost, in the order of their ids
           └──────── λ
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shark_core.quantization.policies.stored_bytes import ByteBudget
from shark_core.quantization.policies.table_rows import Assigned, TableRows
from shark_core.quantization.policies.tier_costs import Mix, TableCosts

STEPS = 45  # of bisection in log λ: to one part in 10**12
RANGE = 1e-24  # the least λ looked at, of the largest

Mixes = list[Mix]  # one a table


@dataclass(frozen=True)
class _Solved:
    """What fits at this price, and what just does not, at a price that is hardly lower."""

    price: float
    fitting: Mixes
    beyond: Mixes


def by_loss(
    tables: Sequence[TableRows], choices: Sequence[str], hysteresis: float, budget: ByteBudget
) -> Assigned:
    """`choices`: the tiers that rows may have. Equal costs go to the tier of fewer bytes.

    A row that had a tier stays in it unless another's cost is lower by more than `hysteresis` of
    it, at the price of a day without a past, or where the budget would not be kept. Raises
    `ConfigError` where nothing fits the budget.
    """
    costs = [TableCosts.of(table, choices, budget) for table in tables]
    room, highest = budget.most - budget.elsewhere, _highest_price(costs)
    solved = _solve(costs, room, highest)
    if solved is None:
        least = _bytes([of_table.cheapest(highest) for of_table in costs])
        raise budget.refuse(budget.elsewhere + least)
    if hysteresis and any(table.previous is not None for table in tables):
        solved = _held(costs, solved, hysteresis, room, highest)
    codes = {
        table.field: of_table.tier_codes(mix)
        for table, of_table, mix in zip(tables, costs, solved.fitting, strict=True)
    }
    return Assigned(codes, {"price": solved.price})


def _highest_price(costs: Sequence[TableCosts]) -> float:
    """One byte outweighs all losses: rows are in the tiers of fewest bytes."""
    return 1.0 + 2.0 * sum(of_table.loss_range for of_table in costs)


def _solve(costs: Sequence[TableCosts], room: float, highest: float) -> _Solved | None:
    """None where nothing fits."""
    lowest = highest * RANGE

    def free(price: float) -> Mixes:
        return [of_table.cheapest(price) for of_table in costs]

    first = _bisect(free, room, lowest, highest)
    if first is None:
        return None
    sets = [mix.tiers for mix in first.fitting]

    def within_sets(price: float) -> Mixes:
        each = zip(costs, sets, strict=True)
        return [of_table.within(tiers, price) for of_table, tiers in each]

    second = _bisect(within_sets, room, lowest, first.price) or first
    return replace(second, fitting=_filled(costs, second, room))


def _held(
    costs: Sequence[TableCosts], fresh: _Solved, hysteresis: float, room: float, highest: float
) -> _Solved:
    """With rows where they were, unless moving pays: at the fresh price, or at a higher one where
    rows that stay take too many bytes.
    """

    def held(price: float) -> Mixes:
        each = zip(costs, fresh.fitting, strict=True)
        return [of_table.held(mix.tiers, price, hysteresis) for of_table, mix in each]

    return _bisect(held, room, fresh.price, highest) or fresh


def _bisect(at: Callable[[float], Mixes], room: float, low: float, high: float) -> _Solved | None:
    """The lowest price in [low, high] at which all bytes fit; None where they do not at `high`."""
    fitting, beyond = at(high), at(low)
    if _bytes(beyond) <= room:
        return _Solved(low, beyond, beyond)
    if _bytes(fitting) > room:
        return None
    for _ in range(STEPS):
        middle = float(np.sqrt(low) * np.sqrt(high))
        mixes = at(middle)
        if _bytes(mixes) <= room:
            high, fitting = middle, mixes
        else:
            low, beyond = middle, mixes
    return _Solved(high, fitting, beyond)


def _bytes(mixes: Mixes) -> int:
    return sum(mix.bytes for mix in mixes)


def _filled(costs: Sequence[TableCosts], solved: _Solved, room: float) -> Mixes:
    """With rows that the two prices part, one after the other as long as there is room."""
    left, filled = room - _bytes(solved.fitting), []
    for of_table, mix, beyond in zip(costs, solved.fitting, solved.beyond, strict=True):
        more = of_table.row_bytes[beyond.choice] - of_table.row_bytes[mix.choice]  # (M,)
        rows = np.flatnonzero((more > 0) & (of_table.weights == 1))
        taken = rows[np.cumsum(more[rows]) <= left]
        choice = mix.choice.copy()
        choice[taken] = beyond.choice[taken]
        added = int(more[taken].sum())
        left -= added
        filled.append(replace(mix, choice=choice, bytes=mix.bytes + added))
    return filled
