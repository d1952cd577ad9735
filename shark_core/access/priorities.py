"""Row priorities: label-aware accesses, decayed day by day.

    S_t = (1 − β)·S_{t−1} + β·(α·c⁺_t + c⁻_t)                           one day after the other
    S_T = (1 − β)^{T−B}·S_B + Σ_d β·(1 − β)^{T−d}·(α·c⁺_d + c⁻_d)       from the state of any day B

c⁺ and c⁻ are a row's accesses by positive and negative impressions, α = `positive_weight` and
β = `decay` (after SHARK, arXiv 2308.09395). Rows that were never accessed have priority 0 and are
not listed. Each term of the second line stands alone, so that one function serves

    an ordinary day          the state of T − 1, and the counts of T
    a late day L             the state of T − 1, and the counts of L and T
    a day D counted again    the state of D − 1, and the counts of D, D + 1, … T
    a gap                    an older state, and the counts of every day after it
    a field's first day      no state, and the counts that there are

`shark_core.access.priority_plan` decides which of these a day is.

Rows whose priority is below `floor` are dropped. What a row is missing because it was dropped
before, at most E, then decays; before it is dropped again it was accessed, on the day after at the
earliest, which gave it m = β·min(α, 1) or more, and that fell below the floor: (1 − β)^n·m < floor
n days later, when E has become (1 − β)^{n+1}·E < (1 − β)·(floor / m)·E. Dropping adds less than the
floor to it. So priorities are never too high, and too low by less than

    floor / (1 − r),    r = (1 − β)·floor / m < 1

if no day is late; each late day can add another floor, which decays. With a floor of 0 nothing is
dropped, and every way to the same day gives the same priorities to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shark_core.access.row_ranges import RowRange
from shark_core.config_sections import Priority
from shark_core.schemas import ROW_PRIORITY_SCHEMA

Term = tuple[np.ndarray, np.ndarray]  # row ids (N,), each once; what each adds (N,) float64


@dataclass(frozen=True)
class Aged:
    """Priorities or counts of a day that is `age_days` before the day of the new priorities.

    Each row id occurs once; several tables of one day hold different rows.
    """

    age_days: int
    table: pa.Table


@dataclass(frozen=True)
class Updated:
    """ROW_PRIORITY_SCHEMA, row ids ascending; how many rows came in, and fell below the floor."""

    table: pa.Table
    rows_in: int
    dropped: int


def updated_priorities(
    rows: RowRange, states: Iterable[Aged], counts: Iterable[Aged], settings: Priority
) -> Updated:
    """A day's priorities of a range of rows, from what lies within the range.

    One table at a time, into a sum for every row of the range: 9 bytes a row, and work that grows
    with the rows that come in.
    """
    total = np.zeros(rows.end - rows.start, dtype=np.float64)
    listed = np.zeros(len(total), dtype=np.bool_)
    rows_in = 0
    for row_ids, added in _terms(states, counts, settings):
        places = row_ids - rows.start
        total[places] += added
        listed[places] = True
        rows_in += len(places)
    kept = np.flatnonzero(listed & (total >= settings.floor))
    table = pa.table([kept + rows.start, total[kept]], schema=ROW_PRIORITY_SCHEMA)
    return Updated(table, rows_in, int(np.count_nonzero(listed)) - len(kept))


def _terms(states: Iterable[Aged], counts: Iterable[Aged], settings: Priority) -> Iterator[Term]:
    kept = 1.0 - settings.decay
    for state in states:
        priority = state.table["priority"].to_numpy()
        yield state.table["row_id"].to_numpy(), kept**state.age_days * priority
    for day in counts:
        accesses = settings.positive_weight * day.table["positives"].to_numpy()
        accesses += day.table["negatives"].to_numpy()
        accesses *= settings.decay * kept**day.age_days
        yield day.table["row_id"].to_numpy(), accesses
