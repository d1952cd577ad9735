"""Plans of priorities on literal days: day 1 with the counts "a" is written `{1: "a"}`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from shark_core.access.priority_plan import (
    Counts,
    PriorityPlan,
    Rules,
    State,
    plan_priorities,
)

TABLE, OTHER_TABLE = "hash into 101", "hash into 203"
RULES = Rules(positive_weight=2.0, decay=0.2, row_assignment=TABLE)  # days of age 124 are settled


def day(number: int) -> date:
    return date(2026, 1, 1) + timedelta(days=number)


def numbers(days: tuple[date, ...]) -> list[int]:
    return [(known - day(0)).days for known in days]


def state(number: int, applied: dict[int, str], rules: Rules = RULES) -> State:
    return State(day(number), {day(known): value for known, value in applied.items()}, rules)


def counts_of(counted: Mapping[int, str], table: str | None = TABLE) -> dict[date, Counts]:
    return {day(known): Counts(value, table) for known, value in counted.items()}


def plan(number: int, counted: dict[int, str], *states: State) -> PriorityPlan:
    return plan_priorities(day(number), counts_of(counted), states, RULES)


def said(found: PriorityPlan) -> dict[str, list[int]]:
    """What a plan reports, without what is empty."""
    lists = {
        "late": found.late,
        "recounted": found.recounted,
        "missing": found.missing,
        "other_table": found.other_table,
    }
    return {name: numbers(days) for name, days in lists.items() if days}
