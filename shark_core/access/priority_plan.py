"""Which state a day's priorities start from, and which days' counts are added to it.

    counts in the lake    1  2  3  4  .  6' 7  8      . none yet    ' counted again
    state of day 7        1  2  .  4  .  6  7         its ledger: the counts that it has applied
    state of day 6        1  2  .  4  .  6
    state of day 4        1  2  .  4                  a base: all that it has applied is as it was

    day 8                 base 4, add 3 6 7 8         3 is late, 6 recounted, 5 missing

A state's ledger names each day that it has applied by the fingerprint of that day's access_counts.
A state is a base if it was made with the same settings, and every day of its ledger that still has
counts has the same counts now. (A day whose counts were removed stays applied.) The newest base is
taken; states of the day itself or later never are, so that running an older day again gives what
that day would have given.

A day is settled once (1 − β)^age < 1e-12: its counts are not looked for, neither is its state, and
ledgers forget it. A ledger is bounded by that: 124 days for a decay β of 0.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shark_core.config_sections import Priority
from shark_core.lake import Marker

NEGLIGIBLE = 1e-12

Ledger = dict[date, str]  # day → fingerprint of its access_counts


@dataclass(frozen=True)
class State:
    """What the row_priority partition of a day says of itself."""

    day: date
    applied: Ledger
    settings: dict[str, float]

    def was_made_with(self, settings: Priority) -> bool:
        return self.settings == ledger_settings(settings)

    def is_base(self, counts: Mapping[date, str], settings: Priority) -> bool:
        unchanged = (counts.get(day, known) == known for day, known in self.applied.items())
        return self.was_made_with(settings) and all(unchanged)

    @classmethod
    def from_facts(cls, day: date, facts: Mapping[str, Any]) -> State:
        """Without a ledger a partition has applied nothing, under no settings: never a base."""
        applied = facts.get("applied", {})
        return cls(
            day=day,
            applied={date.fromisoformat(text): value for text, value in applied.items()},
            settings=facts.get("settings", {}),
        )


@dataclass(frozen=True)
class PriorityPlan:
    """`add`: days whose counts are added to the base, oldest first. `applied`: the new ledger.

    `late`: added, though the newest state should have had them. `recounted`: added, because the
    newest state had other counts of them. `missing`: days since the field's first known day that
    have no counts; they add nothing now and are taken when they come.
    """

    base: date | None
    add: tuple[date, ...]
    applied: Ledger
    late: tuple[date, ...] = ()
    recounted: tuple[date, ...] = ()
    missing: tuple[date, ...] = ()

    def facts(self, settings: Priority) -> dict[str, Any]:
        """What `State.from_facts` reads."""
        applied = {day.isoformat(): value for day, value in sorted(self.applied.items())}
        return {"applied": applied, "settings": ledger_settings(settings)}


@dataclass(frozen=True)
class FieldPlan:
    """A field's plan with the markers that it names: of its base (none or one), and of its days."""

    field: str
    plan: PriorityPlan
    base: dict[date, Marker]
    counts: dict[date, Marker]

    @property
    def rows(self) -> int:
        """The rows that come in."""
        return sum(marker.rows for marker in [*self.base.values(), *self.counts.values()])

    @property
    def inputs(self) -> dict[str, str]:
        states = {f"row_priority/ds={day}": m.fingerprint for day, m in self.base.items()}
        return states | {f"access_counts/ds={day}": m.fingerprint for day, m in self.counts.items()}


def ledger_settings(settings: Priority) -> dict[str, float]:
    """The settings without which a state cannot be built upon; the floor is none of them."""
    return {"positive_weight": settings.positive_weight, "decay": settings.decay}


def is_settled(day: date, on: date, settings: Priority) -> bool:
    return (1.0 - settings.decay) ** (on - day).days < NEGLIGIBLE


def unsettled(days: Iterable[date], on: date, settings: Priority) -> list[date]:
    """The days up to `on` whose counts still matter, in their order."""
    return [day for day in days if day <= on and not is_settled(day, on, settings)]


def plan_priorities(
    day: date, counts: Mapping[date, str], states: Iterable[State], settings: Priority
) -> PriorityPlan:
    """`counts`: the fingerprint of each day's counts. `states`: newest first, read until the base.

    Counts and states of other days than the unsettled ones up to `day` are left aside.
    """
    present = {known: counts[known] for known in unsettled(sorted(counts), day, settings)}
    earlier = (s for s in states if s.day < day and not is_settled(s.day, day, settings))
    seen = list(_until_base(earlier, present, settings))
    base = seen[-1] if seen and seen[-1].is_base(present, settings) else None
    kept = _unsettled_part(base.applied, day, settings) if base else {}
    add = tuple(known for known in present if known not in kept)
    applied = kept | {known: present[known] for known in add}
    newest = next((state for state in seen if state.was_made_with(settings)), None)
    return PriorityPlan(
        base=base.day if base else None,
        add=add,
        applied=applied,
        late=_late(add, newest),
        recounted=_recounted(add, present, newest),
        missing=_missing(day, applied, seen, settings),
    )


def _until_base(
    states: Iterable[State], counts: Mapping[date, str], settings: Priority
) -> Iterator[State]:
    for state in states:
        yield state
        if state.is_base(counts, settings):
            return


def _unsettled_part(ledger: Ledger, on: date, settings: Priority) -> Ledger:
    return {day: ledger[day] for day in unsettled(ledger, on, settings)}


def _late(add: Iterable[date], newest: State | None) -> tuple[date, ...]:
    if newest is None:
        return ()
    return tuple(day for day in add if day <= newest.day and day not in newest.applied)


def _recounted(
    add: Iterable[date], counts: Mapping[date, str], newest: State | None
) -> tuple[date, ...]:
    applied = newest.applied if newest else {}
    return tuple(day for day in add if applied.get(day, counts[day]) != counts[day])


def _missing(
    day: date, applied: Ledger, seen: Iterable[State], settings: Priority
) -> tuple[date, ...]:
    ledgers = [applied, *(_unsettled_part(state.applied, day, settings) for state in seen)]
    first = min((known for ledger in ledgers for known in ledger), default=day)
    days = (first + timedelta(days=number) for number in range((day - first).days))
    return tuple(known for known in days if known not in applied)
