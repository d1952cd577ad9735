"""Small plans over the fields a, b, c for tests of the plan log, and days to propose them on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from shark_core.pruning.plan import Action, Decision, PruningPlan
from shark_core.publish.plan_entry import PlanEntry
from shark_core.publish.plan_log import PlanLog

FIELDS = ("a", "b", "c")
DAY = date(2026, 1, 3)
NOW = datetime(2026, 1, 4, 9, 30, tzinfo=UTC)


def plan_of(*pruned: str, loss: float = 0.001, warnings: tuple[str, ...] = ()) -> PruningPlan:
    """Prunes these fields; `loss` predicted for each tells plans of the same fields apart."""
    return PruningPlan(tuple(_decision(name, pruned, loss) for name in FIELDS), warnings)


def propose(log: PlanLog, *pruned: str, day: int = 0, loss: float = 0.001) -> PlanEntry:
    return log.propose(plan_of(*pruned, loss=loss), day_number(day), "plan-pruning", NOW)


def approve(log: PlanLog, entry: PlanEntry, minutes: int = 0) -> PlanEntry:
    return log.decide(entry.plan_id, "approved", "ann", NOW + timedelta(minutes=minutes))


def day_number(day: int) -> date:
    return DAY + timedelta(days=day)


def _decision(name: str, pruned: tuple[str, ...], loss: float) -> Decision:
    action: Action = "prune" if name in pruned else "keep"
    return Decision(name, action, f"{action}: [bold]{name}[/]", 4_096, loss, -loss, 2 * loss)
