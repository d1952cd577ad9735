"""Plans under review as tables for people and documents for programs; 100 columns are enough."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from shark_core.errors import DataError
from shark_core.pruning.plan import Decision, PruningPlan
from shark_core.publish.plan_entry import PlanEntry
from shark_core.report.numbers import significant, size
from shark_core.report.terminal_table import FOLDED, WHOLE, terminal_table

NAMED = 12  # fields named in a line of the list
OTHER_RELEASE = "made by another release"


def plan_line(entry: PlanEntry) -> dict[str, Any]:
    """`figures`: why there are none, where there are none."""
    plan = _reviewed(entry)
    return {
        "plan": entry.plan_id,
        "day": str(entry.day),
        "status": entry.status,
        "fields": list(entry.pruned),
        "bytes_saved": bytes_saved(plan) if plan else None,
        "predicted_loss": plan.predicted_loss if plan else None,
        "predicted_low": plan.predicted_low if plan else None,
        "predicted_high": plan.predicted_high if plan else None,
        **({} if plan else {"figures": OTHER_RELEASE}),
        "by": entry.by,
        "at": entry.at.isoformat(),
        "note": entry.note,
    }


def plan_document(history: list[PlanEntry]) -> dict[str, Any]:
    decisions = ("status", "by", "at", "note")
    entries = [entry.model_dump(mode="json") for entry in history]
    return {
        **plan_line(history[0]),
        "document": history[0].plan,
        "history": [{key: entry[key] for key in decisions} for entry in entries],
    }


def bytes_saved(plan: PruningPlan) -> int:
    return sum(decision.bytes for decision in plan.decisions if decision.action == "prune")


def plans_table(plans: Iterable[PlanEntry]) -> Table:
    table = terminal_table(
        plan=WHOLE, status=WHOLE, saves=WHOLE, predicted_loss=WHOLE, by=FOLDED, fields=FOLDED
    )
    for entry in plans:
        plan = _reviewed(entry)
        table.add_row(
            Text(entry.plan_id),
            Text(entry.status),
            Text(size(bytes_saved(plan)) if plan else ""),
            Text(_prediction(plan) if plan else OTHER_RELEASE.replace(" by ", " by\n")),
            Text(f"{entry.by}\n{_when(entry.at)}"),
            Text(_fields(entry.pruned)),
        )
    return table


def decisions_table(plan: PruningPlan) -> Table:
    """The pruned fields first."""
    table = terminal_table(
        field=WHOLE, decision=WHOLE, bytes=WHOLE, predicted_loss=WHOLE, reason=FOLDED
    )
    for decision in sorted(plan.decisions, key=lambda each: each.action == "keep"):
        table.add_row(*_decision_cells(decision))
    return table


def history_table(history: Iterable[PlanEntry]) -> Table:
    """Who decided what, in the order given."""
    table = terminal_table(status=WHOLE, by=FOLDED, at=WHOLE, note=FOLDED)
    for entry in history:
        table.add_row(entry.status, Text(entry.by), Text(_when(entry.at)), Text(entry.note))
    return table


def _reviewed(entry: PlanEntry) -> PruningPlan | None:
    """One plan that this release cannot read does not hide the others from the list."""
    try:
        return entry.reviewed
    except DataError:
        return None


def _prediction(plan: PruningPlan) -> str:
    return _interval(plan.predicted_loss, plan.predicted_low, plan.predicted_high)


def _decision_cells(decision: Decision) -> tuple[Text, ...]:
    loss = _interval(decision.predicted_loss, decision.low, decision.high)
    return (
        Text(decision.field),
        Text(decision.action, style="yellow" if decision.action == "prune" else ""),
        Text(size(decision.bytes)),
        Text(loss),
        Text(decision.reason),
    )


def _fields(pruned: tuple[str, ...]) -> str:
    more = len(pruned) - NAMED
    named = ", ".join(pruned[:NAMED])
    return f"{len(pruned)}: {named}" + (f" and {more} more" if more > 0 else "")


def _interval(mean: float, low: float, high: float) -> str:
    return f"{significant(mean)}\n[{significant(low)}, {significant(high)}]"


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
