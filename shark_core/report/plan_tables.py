"""Plans under review as tables for people and documents for programs; 100 columns are enough."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from shark_core.pruning.plan import Decision, PruningPlan
from shark_core.publish.plan_entry import PlanEntry
from shark_core.report.numbers import significant, size

NAMED = 12  # fields named in a line of the list


def plan_line(entry: PlanEntry) -> dict[str, Any]:
    plan = entry.reviewed
    return {
        "plan": entry.plan_id,
        "day": str(entry.day),
        "status": entry.status,
        "fields": list(entry.pruned),
        "bytes_saved": bytes_saved(plan),
        "predicted_loss": plan.predicted_loss,
        "predicted_low": plan.predicted_low,
        "predicted_high": plan.predicted_high,
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
    table = _table("plan", "status", "fields", "saves", "predicted loss", "by")
    for entry in plans:
        plan = entry.reviewed
        table.add_row(
            _unbroken(entry.plan_id),
            _unbroken(entry.status),
            Text(_fields(entry.pruned)),
            _unbroken(size(bytes_saved(plan))),
            _unbroken(_interval(plan.predicted_loss, plan.predicted_low, plan.predicted_high)),
            Text(f"{entry.by}\n{_when(entry.at)}"),
        )
    return table


def decisions_table(plan: PruningPlan) -> Table:
    """The pruned fields first."""
    table = _table("field", "decision", "bytes", "predicted loss", "reason")
    for decision in sorted(plan.decisions, key=lambda each: each.action == "keep"):
        table.add_row(*_decision_cells(decision))
    return table


def history_table(history: Iterable[PlanEntry]) -> Table:
    """Who decided what, in the order given."""
    table = _table("status", "by", "at", "note")
    for entry in history:
        table.add_row(entry.status, Text(entry.by), _unbroken(_when(entry.at)), Text(entry.note))
    return table


def _decision_cells(decision: Decision) -> tuple[Text, ...]:
    loss = _interval(decision.predicted_loss, decision.low, decision.high)
    return (
        Text(decision.field),
        Text(decision.action, style="yellow" if decision.action == "prune" else ""),
        _unbroken(size(decision.bytes)),
        _unbroken(loss),
        Text(decision.reason),
    )


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _unbroken(text: str) -> Text:
    return Text(text, no_wrap=True)


def _fields(pruned: tuple[str, ...]) -> str:
    more = len(pruned) - NAMED
    named = ", ".join(pruned[:NAMED])
    return f"{len(pruned)}: {named}" + (f" and {more} more" if more > 0 else "")


def _interval(mean: float, low: float, high: float) -> str:
    return f"{significant(mean)}\n[{significant(low)}, {significant(high)}]"


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
