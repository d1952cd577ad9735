"""Which candidates go: those that hurt first, then the best set of the rest.

candidates, in `Candidate.order`
├─ on the keep list                           stay
├─ hurt (score below zero), in their order    each goes unless it takes what has gone past a limit
└─ the rest                                   the best set that the limits still allow
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shark_core.config_sections import Pruning
from shark_core.pruning.branch_and_bound import NODES
from shark_core.pruning.candidates import Candidate
from shark_core.pruning.knapsack import Capacity, Choice, filled_up, least_loss, most_bytes


@dataclass(frozen=True)
class Selection:
    """`last`: what stays because nothing else would. `gap`: as in `Choice`."""

    pruned: tuple[Candidate, ...]
    kept_bytes: int
    last: Candidate | None
    gap: float


def select(candidates: Sequence[Candidate], limits: Pruning) -> Selection:
    """`candidates` in `Candidate.order`; see `plan_pruning` for the rule."""
    capacity = capacity_of(candidates, limits)
    last = _last(candidates, limits)
    free = [each for each in candidates if not each.keepers and each is not last]
    hurting = _hurting(free, capacity)
    rest = [each for each in free if not each.hurts]
    left = _bytes(candidates) - _bytes(hurting)
    choice = _best(hurting, rest, capacity, left, limits.byte_budget)
    return Selection((*hurting, *choice.candidates), left - choice.bytes, last, choice.gap)


def capacity_of(candidates: Sequence[Candidate], limits: Pruning) -> Capacity:
    """One field always stays."""
    most = _fields(candidates) - 1
    if limits.max_fields is not None:
        most = min(most, limits.max_fields)
    return Capacity(limits.max_predicted_loss, most)


def warnings_on(
    selection: Selection, candidates: Sequence[Candidate], limits: Pruning
) -> list[str]:
    """What is not as somebody who set the limits would expect."""
    warnings = []
    if selection.last is not None:
        names = ", ".join(selection.last.fields)
        warnings.append(f"the limits allow every field to go: the most important, {names}, stays")
    budget = limits.byte_budget
    if budget is not None and selection.kept_bytes > budget:
        missed = selection.kept_bytes - budget
        ended = "the search for it ended early"
        why = ended if selection.gap > 0 else _what_stops(candidates, limits, budget)
        warnings.append(f"byte_budget {budget:,} is missed by {missed:,} bytes: {why}")
    if selection.gap > 0:
        warnings.append(
            f"the fields to prune are within {100 * selection.gap:.2g} % of the best choice: the "
            f"search for it ended after {NODES:,} nodes"
        )
    return warnings


def _last(candidates: Sequence[Candidate], limits: Pruning) -> Candidate | None:
    """The most important candidate where the limits would have every one of them go."""
    most = _fields(candidates) if limits.max_fields is None else limits.max_fields
    allowed = Capacity(limits.max_predicted_loss, most).holds(candidates)
    if not allowed or any(each.keepers for each in candidates):
        return None
    sizes = [each.bytes for each in candidates if not each.hurts]
    if limits.byte_budget is not None and sizes and min(sizes) <= limits.byte_budget:
        return None
    return max(candidates, key=lambda each: (each.score, -each.bytes, each.fields))


def _hurting(free: Sequence[Candidate], capacity: Capacity) -> list[Candidate]:
    taken: list[Candidate] = []
    for each in free:
        if each.hurts and capacity.holds([*taken, each]):
            taken.append(each)
    return taken


def _best(
    taken: Sequence[Candidate],
    rest: Sequence[Candidate],
    capacity: Capacity,
    left: int,
    budget: int | None,
) -> Choice:
    """To the budget at the least loss; without one, or short of it, the most bytes."""
    most = most_bytes(taken, rest, capacity)
    if budget is not None and left - most.bytes <= budget:
        return least_loss(taken, rest, capacity, max(0, left - budget), most.candidates)
    if most.gap > 0:
        return most
    cheaper = least_loss(taken, rest, capacity, most.bytes, most.candidates)
    return Choice(tuple(filled_up(taken, cheaper.candidates, rest, capacity)), cheaper.gap)


def _what_stops(candidates: Sequence[Candidate], limits: Pruning, budget: int) -> str:
    """The limit without which the budget would be met."""
    loss: dict[str, object] = {"max_predicted_loss": math.inf}
    count: dict[str, object] = {"max_fields": None}
    for lifted in (loss, count, {**loss, **count}):
        if select(candidates, limits.model_copy(update=lifted)).kept_bytes <= budget:
            named = [f"{key} {getattr(limits, key):g}" for key in lifted]
            return f"{' and '.join(named)} {'stops' if len(named) == 1 else 'stop'} it"
    if any(each.keepers for each in candidates):
        return "the keep list is larger"
    return "one field always stays"


def _bytes(candidates: Sequence[Candidate]) -> int:
    return sum(each.bytes for each in candidates)


def _fields(candidates: Sequence[Candidate]) -> int:
    return sum(len(each.fields) for each in candidates)
