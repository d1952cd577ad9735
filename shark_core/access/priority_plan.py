"""Which state a day's priorities start from, and which days' counts are added to it.

    counts in the lake    1  2  3  4  .  6' 7  8      . none yet    ' counted again
    state of day 7        1  2  .  4  .  6  7         its ledger: the counts that it has applied
    state of day 6        1  2  .  4  .  6
    state of day 4        1  2  .  4                  a base: all that it has applied is as it was

    day 8                 base 4, add 3 6 7 8         3 is late, 6 recounted, 5 missing

A state's ledger names each day that it has applied by the fingerprint of that day's access_counts.
A state is a base if it was made by the same rules, and every day of its ledger that still has
counts has the same counts now. The newest base is taken; states of the day itself or later never
are, so that running an older day again gives what that day would have given.

Counts of another row assignment number the rows of another table. They are reported and left out,
as if they were not there; a day whose counts were removed, or are such by now, stays applied.

A day is settled once (1 − β)^age < 1e-12: its counts are not looked for, neither is its state, and
ledgers forget it. A ledger has about 27.6 / β days at most: 124 for a decay β of 0.2, 2,750 for
0.01. All of them are looked for each day, since one that came later than some limit would be lost
without a word: `shark_core.access.priority_inputs` says what that costs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any

from shark_core.config_sections import Field, Priority

NEGLIGIBLE = 1e-12

Ledger = dict[date, str]  # day → fingerprint of its access_counts


@dataclass(frozen=True)
class Rules:
    """What priorities must be made by, all of it, to be added up; the floor is no part of it.

    `row_assignment`: that of the field, as its counts' markers have it.
    """

    positive_weight: float
    decay: float
    row_assignment: str

    @classmethod
    def of(cls, field: Field, settings: Priority) -> Rules:
        return cls(settings.positive_weight, settings.decay, field.row_assignment)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Rules | None:
        names = [each.name for each in fields(cls)]
        return cls(*(facts[name] for name in names)) if set(names) <= facts.keys() else None


@dataclass(frozen=True)
class Counts:
    """What the access_counts partition of a day says of itself."""

    fingerprint: str
    row_assignment: str | None


@dataclass(frozen=True)
class State:
    """What the row_priority partition of a day says of itself."""

    day: date
    applied: Ledger
    rules: Rules | None

    def is_base(self, counts: Mapping[date, str], rules: Rules) -> bool:
        unchanged = (counts.get(day, known) == known for day, known in self.applied.items())
        return self.rules == rules and all(unchanged)

    @classmethod
    def from_facts(cls, day: date, facts: Mapping[str, Any]) -> State:
        """Without a ledger a partition has applied nothing, by no rules: never a base."""
        applied = facts.get("applied", {})
        ledger = {date.fromisoformat(text): value for text, value in applied.items()}
        return cls(day, ledger, Rules.from_facts(facts))


@dataclass(frozen=True)
class PriorityPlan:
    """`add`: days whose counts are added to the base, oldest first. `applied`: the new ledger.

    `late`: added, though the newest state should have had them. `recounted`: added, because the
    newest state had other counts of them. `missing`: days since the field's first known day that
    have no counts; they add nothing now and are taken when they come. `other_table`: days that are
    left out because their counts are of another row assignment.
    """

    rules: Rules
    base: date | None
    add: tuple[date, ...]
    applied: Ledger
    late: tuple[date, ...] = ()
    recounted: tuple[date, ...] = ()
    missing: tuple[date, ...] = ()
    other_table: tuple[date, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What `State.from_facts` reads."""
        applied = {day.isoformat(): value for day, value in sorted(self.applied.items())}
        return {"applied": applied, **asdict(self.rules)}


def is_settled(day: date, on: date, decay: float) -> bool:
    return (1.0 - decay) ** (on - day).days < NEGLIGIBLE


def unsettled(days: Iterable[date], on: date, decay: float) -> list[date]:
    """The days up to `on` whose counts still matter, in their order."""
    return [day for day in days if day <= on and not is_settled(day, on, decay)]


def plan_priorities(
    day: date, counts: Mapping[date, Counts], states: Iterable[State], rules: Rules
) -> PriorityPlan:
    """`counts`: of each day that has some. `states`: newest first, read until the base is found.

    Counts and states of other days than the unsettled ones up to `day` are left aside.
    """
    counted = {known: counts[known] for known in unsettled(sorted(counts), day, rules.decay)}
    present = {
        known: each.fingerprint
        for known, each in counted.items()
        if each.row_assignment == rules.row_assignment
    }
    earlier = (s for s in states if s.day < day and not is_settled(s.day, day, rules.decay))
    seen = list(_until_base(earlier, present, rules))
    base = seen[-1] if seen and seen[-1].is_base(present, rules) else None
    kept = _unsettled_part(base.applied, day, rules) if base else {}
    add = tuple(known for known in present if known not in kept)
    applied = kept | {known: present[known] for known in add}
    newest = next((state for state in seen if state.rules == rules), None)
    other_table = tuple(known for known in counted if known not in applied)
    return PriorityPlan(
        rules=rules,
        base=base.day if base else None,
        add=add,
        applied=applied,
        late=_late(add, newest),
        recounted=_recounted(add, present, newest),
        missing=_missing(day, {*applied, *other_table}, seen, rules),
        other_table=other_table,
    )


def _until_base(
    states: Iterable[State], counts: Mapping[date, str], rules: Rules
) -> Iterator[State]:
    for state in states:
        yield state
        if state.is_base(counts, rules):
            return


def _unsettled_part(ledger: Ledger, on: date, rules: Rules) -> Ledger:
    return {day: ledger[day] for day in unsettled(ledger, on, rules.decay)}


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
    day: date, known: Collection[date], seen: Iterable[State], rules: Rules
) -> tuple[date, ...]:
    """`known`: days that have counts, or are applied."""
    ledgers = [known, *(_unsettled_part(state.applied, day, rules) for state in seen)]
    first = min((each for ledger in ledgers for each in ledger), default=day)
    days = (first + timedelta(days=number) for number in range((day - first).days))
    return tuple(each for each in days if each not in known)
