"""Which candidates to prune: a 0/1 knapsack in bytes, predicted loss and number of fields.

most_bytes(taken, open, capacity)              what the capacity holds, on top of `taken`
least_loss(taken, open, capacity, need, known) the cheapest of it that has `need` bytes

The limits hold exactly, and of candidates that differ in their names alone the first by name go.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint

from shark_core.pruning.branch_and_bound import Flags, Floats, extended_cover, search
from shark_core.pruning.candidates import Candidate, highest_loss
from shark_core.pruning.plan import total

SCALE = 2.0**20  # of losses: HiGHS' absolute tolerances are then about 1e-12 of a limit
SLACK = 1e-9  # of a limit: rounding in HiGHS excludes nothing that fits exactly


@dataclass(frozen=True)
class Capacity:
    """At most so much predicted loss, by the upper ends, and so many fields."""

    high: float
    fields: int

    def holds(self, candidates: Iterable[Candidate]) -> bool:
        """Exactly: no tolerance."""
        chosen = list(candidates)
        return self.holds_fields(chosen) and self.holds_loss(chosen)

    def holds_loss(self, candidates: Iterable[Candidate]) -> bool:
        return highest_loss(candidates) <= self.high

    def holds_fields(self, candidates: Iterable[Candidate]) -> bool:
        return sum(len(each.fields) for each in candidates) <= self.fields


@dataclass(frozen=True)
class Choice:
    """`gap`: how far the best set may be better, as a share of its bytes or loss; 0 is proven."""

    candidates: tuple[Candidate, ...]
    gap: float

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.candidates)


def most_bytes(
    taken: Sequence[Candidate], open_: Sequence[Candidate], capacity: Capacity
) -> Choice:
    """Of `open_`, given in `Candidate.order`, what saves the most bytes; nothing more fits."""
    free = [each for each in open_ if capacity.holds([*taken, each])]
    if not free or capacity.holds([*taken, *free]):
        return Choice(tuple(free), gap=0.0)
    unit = math.gcd(*(each.bytes for each in free))
    sizes = np.array([each.bytes // unit for each in free], dtype=np.float64)

    def past_a_limit(chosen: Flags) -> LinearConstraint | None:
        return _loss_cut(taken, free, capacity, chosen)

    found = search(-sizes, _limit_rows(taken, free, capacity), past_a_limit)
    fitting = filled_up(taken, _picked(free, found.chosen), free, capacity)
    choice = Choice(_first_of_equals(free, fitting), gap=0.0)
    bound = min(-found.bound, float(sizes.sum())) * unit
    gap = 0.0 if found.proven else max(0.0, bound / choice.bytes - 1)
    return Choice(choice.candidates, gap)


def least_loss(
    taken: Sequence[Candidate],
    open_: Sequence[Candidate],
    capacity: Capacity,
    need: int,
    known: Sequence[Candidate],
) -> Choice:
    """Of `open_`, given in `Candidate.order`, `need` bytes at the least predicted loss.

    Nothing is in it that the bytes do not need. `known`: a set that has them and is within the
    limits; it counts where the search finds none of less loss.
    """
    free = [each for each in open_ if capacity.holds([*taken, each])]
    known = _without_surplus(known, need)
    if not any(each.loss for each in known):
        return Choice(_first_of_equals(free, known), gap=0.0)
    losses = _scaled([each.loss for each in free])

    def past_a_limit(chosen: Flags) -> LinearConstraint | None:
        cut = _loss_cut(taken, free, capacity, chosen)
        return _bytes_cut(free, need, chosen) if cut is None else cut

    rows = [*_limit_rows(taken, free, capacity), _bytes_row(free, need)]
    found = search(losses, rows, past_a_limit)
    sets = [known]
    if past_a_limit(found.chosen) is None:
        sets.append(_without_surplus(_picked(free, found.chosen), need))
    best = set(min(sets, key=lambda each: total(candidate.loss for candidate in each)))
    cost = sum(loss for each, loss in zip(free, losses, strict=True) if each in best)
    gap = 0.0 if found.proven or cost <= 0 else min(1.0, max(0.0, 1 - found.bound / cost))
    return Choice(_first_of_equals(free, best), gap)


def filled_up(
    taken: Sequence[Candidate],
    picked: Iterable[Candidate],
    free: Sequence[Candidate],
    capacity: Capacity,
) -> list[Candidate]:
    """As many of `picked` as fit, by their bytes, and of the others what still fits then."""
    fitting: list[Candidate] = []
    wanted = set(picked)
    for each in sorted(free, key=lambda each: (each not in wanted, -each.bytes, each.order)):
        if capacity.holds([*taken, *fitting, each]):
            fitting.append(each)
    return fitting


def _limit_rows(
    taken: Sequence[Candidate], free: Sequence[Candidate], capacity: Capacity
) -> list[LinearConstraint]:
    rows = []
    left = capacity.high - total(each.high for each in taken)
    highs = np.array([each.high for each in free])
    if highs.sum() > left > 0:
        rows.append(LinearConstraint(highs / left * SCALE, -np.inf, SCALE * (1 + SLACK)))
    counts = np.array([len(each.fields) for each in free], dtype=np.float64)
    places = capacity.fields - sum(len(each.fields) for each in taken)
    if counts.sum() > places:
        rows.append(LinearConstraint(counts, -np.inf, places))
    return rows


def _bytes_row(free: Sequence[Candidate], need: int) -> LinearConstraint:
    unit = math.gcd(*(each.bytes for each in free))
    sizes = np.array([each.bytes // unit for each in free], dtype=np.float64)
    return LinearConstraint(sizes, -(-need // unit), np.inf)


def _loss_cut(
    taken: Sequence[Candidate], free: Sequence[Candidate], capacity: Capacity, chosen: Flags
) -> LinearConstraint | None:
    """Past the limit so is every set of as many, of these and of any no less than each of these."""
    if capacity.holds_loss([*taken, *_picked(free, chosen)]):
        return None
    return LinearConstraint(
        extended_cover([each.high for each in free], chosen), -np.inf, int(chosen.sum()) - 1
    )


def _bytes_cut(free: Sequence[Candidate], need: int, chosen: Flags) -> LinearConstraint | None:
    """Short of the bytes; likewise, of what is left out, as many may not be left out again."""
    if sum(each.bytes for each in _picked(free, chosen)) >= need:
        return None
    cover = extended_cover([each.bytes for each in free], ~chosen)
    return LinearConstraint(cover, int(cover.sum()) - int((~chosen).sum()) + 1, np.inf)


def _picked(free: Sequence[Candidate], chosen: Flags) -> list[Candidate]:
    return [each for each, is_chosen in zip(free, chosen, strict=True) if is_chosen]


def _without_surplus(picked: Sequence[Candidate], need: int) -> list[Candidate]:
    """Leave out what the bytes do not need, the most loss first."""
    surplus = sum(each.bytes for each in picked) - need
    needed = []
    for each in sorted(picked, key=lambda each: (each.loss, each.order), reverse=True):
        if each.bytes <= surplus:
            surplus -= each.bytes
        else:
            needed.append(each)
    return needed


def _first_of_equals(
    free: Sequence[Candidate], picked: Iterable[Candidate]
) -> tuple[Candidate, ...]:
    """Of candidates that differ in their names alone, the first by name go."""
    places: dict[object, int] = {}
    for each in picked:
        places[_figures(each)] = places.get(_figures(each), 0) + 1
    chosen = []
    for each in free:
        if places.get(_figures(each), 0) > 0:
            places[_figures(each)] -= 1
            chosen.append(each)
    return tuple(chosen)


def _figures(each: Candidate) -> tuple[object, ...]:
    return (each.bytes, each.score, each.loss, *sorted(each.highs))


def _scaled(losses: Sequence[float]) -> Floats:
    most = max(losses)
    return np.array(losses) / most * SCALE  # in this order: SCALE / most may overflow
