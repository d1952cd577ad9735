"""A field's counts and states in memory, with plans carried out as the job does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from shark_core.access.priorities import Aged, updated_priorities
from shark_core.access.priority_plan import Counts, PriorityPlan, Rules, State, plan_priorities
from shark_core.access.row_ranges import RowRange
from shark_core.config_sections import Priority
from shark_core.schemas import ACCESS_COUNTS_SCHEMA
from tests.access.literal_plans import TABLE, day

DayCounts = dict[int, tuple[int, int]]  # row id → positives, negatives

ROWS = RowRange(0, 31)

day_counts = st.dictionaries(
    st.integers(0, 30), st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=15
)


@st.composite
def floored(draw: st.DrawFn) -> Priority:
    """Settings with a floor, from a low one to nearly what one access adds."""
    weight, decay = draw(st.floats(0.1, 10)), draw(st.floats(0.01, 0.9))
    floor = draw(st.floats(0.01, 0.99)) * decay * min(weight, 1.0)
    return Priority(positive_weight=weight, decay=decay, floor=floor)


def floor_bound(settings: Priority) -> float:
    """By which no priority is too low if no day is late: `shark_core.access.priorities`."""
    ratio = settings.floor / (settings.decay * min(settings.positive_weight, 1.0))
    return settings.floor / (1 - (1 - settings.decay) * ratio)


def counts_table(counted: DayCounts) -> pa.Table:
    rows = [(row, *counted[row]) for row in sorted(counted)]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    return pa.table(columns, schema=ACCESS_COUNTS_SCHEMA)


def dense(table: pa.Table) -> np.ndarray:
    """Priorities `(rows,)`, 0 where a row is not listed."""
    priorities = np.zeros(ROWS.end)
    priorities[table["row_id"].to_numpy()] = table["priority"].to_numpy()
    return priorities


@dataclass(frozen=True)
class Made:
    """A day's state; `late`: days that it or an earlier one it stands on took after their time."""

    state: State
    table: pa.Table
    late: int


@dataclass
class History:
    """`settings` may be changed between updates. Days are numbers."""

    settings: Priority
    counts: dict[int, pa.Table] = field(default_factory=dict)
    prints: dict[date, Counts] = field(default_factory=dict)
    states: dict[date, Made] = field(default_factory=dict)

    def count(self, number: int, counted: DayCounts) -> None:
        self.counts[number] = counts_table(counted)
        self.prints[day(number)] = Counts(repr(sorted(counted.items())), TABLE)

    def update(self, number: int) -> Made:
        on, rules = day(number), self.rules
        newest_first = (self.states[known].state for known in sorted(self.states, reverse=True))
        found = plan_priorities(on, self.prints, newest_first, rules)
        base = self.states[found.base] if found.base else None
        self.states[on] = Made(
            state=State.from_facts(on, found.facts),
            table=self._added_up(base, found, on),
            late=(base.late + sum(known <= base.state.day for known in found.add)) if base else 0,
        )
        return self.states[on]

    @property
    def rules(self) -> Rules:
        return Rules(self.settings.positive_weight, self.settings.decay, TABLE)

    def _added_up(self, base: Made | None, found: PriorityPlan, on: date) -> pa.Table:
        states = [Aged((on - base.state.day).days, base.table)] if base else []
        numbers = [(known - day(0)).days for known in found.add]
        present = (on - day(0)).days
        terms = [Aged(present - number, self.counts[number]) for number in numbers]
        return updated_priorities(ROWS, states, terms, self.settings).table

    def replayed(self, last: int) -> np.ndarray:
        """The recurrence over every calendar day up to `last`, from the counts that are there."""
        total = np.zeros(ROWS.end)
        for number in range(last + 1):
            total *= 1.0 - self.settings.decay
            total += self.settings.decay * self._accesses(number)
        return total

    def accesses(self) -> float:
        """All accesses of the most accessed row, weighted."""
        return float(sum(self._accesses(number) for number in self.counts).max(initial=0.0))

    def _accesses(self, number: int) -> np.ndarray:
        weighted = np.zeros(ROWS.end)
        if number in self.counts:
            table = self.counts[number]
            positives = self.settings.positive_weight * table["positives"].to_numpy()
            weighted[table["row_id"].to_numpy()] = positives + table["negatives"].to_numpy()
        return weighted


def live(history: History, random: Random, days: int) -> Iterator[int]:
    """`days` days of which some are counted late, again, or never; gives each that was updated.

    What comes late comes 1 to 60 days late. Now and then an older day is updated again.
    """
    waiting: dict[int, list[int]] = {}
    for number in range(days):
        for late in waiting.pop(number, []):
            history.count(late, some_counts(random))
        if random.random() < 0.15:
            waiting.setdefault(number + random.choice([1, 2, 5, 20, 60]), []).append(number)
            continue
        history.count(number, some_counts(random))
        if random.random() < 0.05:
            history.count(random.choice(list(history.counts)), some_counts(random))
        history.update(number)
        yield number
        if random.random() < 0.03:
            older = random.choice(list(history.counts))
            history.update(older)
            yield older


def some_counts(random: Random) -> DayCounts:
    """Few rows, and few accesses, so that rows fade and come back."""
    rows = random.sample(range(ROWS.end), random.randint(0, 6))
    return {row: (random.randint(0, 2), random.randint(0, 3)) for row in rows}
