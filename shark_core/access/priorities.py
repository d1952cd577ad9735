"""Row priorities: label-aware accesses, decayed day by day.

    S_t = (1 − β)·S_{t−1} + β·(α·c⁺_t + c⁻_t)       one day after the other
    S_T = β·Σ_d (1 − β)^{T−d}·(α·c⁺_d + c⁻_d)       closed form: in any order, so a day may be late

c⁺ and c⁻ are a row's accesses by positive and negative impressions, α = `positive_weight` and
β = `decay` (after SHARK, arXiv 2308.09395). Rows that were never accessed have priority 0 and are
not listed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shark_core.config_sections import Priority
from shark_core.schemas import ROW_PRIORITY_SCHEMA

NO_PRIORITIES = ROW_PRIORITY_SCHEMA.empty_table()


def update_priorities(previous: pa.Table, counts: pa.Table, settings: Priority) -> pa.Table:
    """The day's priorities from the day before's and the day's counts. ROW_PRIORITY_SCHEMA."""
    return _add(_scaled(previous, 1.0 - settings.decay), counts, settings.decay, settings)


def add_late_day(
    priorities: pa.Table, late_counts: pa.Table, age_days: int, settings: Priority
) -> pa.Table:
    """Priorities of day T once the counts of day T − `age_days` are known too, without replay.

    Every term of the closed form stands alone: added up from no priorities, the days' counts in any
    order give what `update_priorities` gives day by day (to rounding).
    """
    weight = settings.decay * (1.0 - settings.decay) ** age_days
    return _add(priorities, late_counts, weight, settings)


def _scaled(priorities: pa.Table, factor: float) -> pa.Table:
    scaled = priorities["priority"].to_numpy() * factor
    return pa.table([priorities["row_id"], scaled], schema=ROW_PRIORITY_SCHEMA)


def _add(priorities: pa.Table, counts: pa.Table, weight: float, settings: Priority) -> pa.Table:
    """`priorities + weight·(α·c⁺ + c⁻)` on the union of rows; both sorted and unique by row id."""
    positives, negatives = counts["positives"].to_numpy(), counts["negatives"].to_numpy()
    added = weight * (settings.positive_weight * positives + negatives)
    known, new = priorities["row_id"].to_numpy(), counts["row_id"].to_numpy()
    rows = np.union1d(known, new)
    total = np.zeros(len(rows), dtype=np.float64)
    total[np.searchsorted(rows, known)] = priorities["priority"].to_numpy()
    total[np.searchsorted(rows, new)] += added
    return pa.table([rows, total], schema=ROW_PRIORITY_SCHEMA)
