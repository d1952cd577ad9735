"""A plan that waits, as a request to a person: a subject, and a body in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shark_core.pruning.plan import Decision, PruningPlan
from shark_core.publish.plan_entry import PlanEntry
from shark_core.report.numbers import significant, size
from shark_core.report.plan_tables import bytes_saved

LISTED = 20  # fields with a line of their own
NO_PAGE = "not written yet: it comes at the end of the day's run"


@dataclass(frozen=True)
class PlanRequest:
    """What is asked: `subject` in a line, `body` in Markdown."""

    subject: str
    body: str


def plan_request(
    entry: PlanEntry, in_force: PlanEntry | None, model: str, page: str | None
) -> PlanRequest:
    """`in_force`: the plan of which it takes the place; `page`: where the report of its day is.

    Raises as `PlanEntry.reviewed` does.
    """
    plan = entry.reviewed
    saved, kept = bytes_saved(plan), plan.kept_bytes
    subject = f"{model}: prune {len(plan.pruned)} of {len(plan.decisions)} fields?"
    lines = [
        f"**Plan {entry.plan_id}** of model `{model}`, proposed by {entry.by}.",
        "",
        f"- saves {size(saved)} of {size(saved + kept)} in fp32",
        f"- predicted change of log-loss {_interval(plan)}",
        f"- in force so far: {_said(in_force)}",
        f"- report of {entry.day}: {_link(page) if page else NO_PAGE}",
        *(f"- **warning: {warning}**" for warning in plan.warnings),
        "",
        "| field | fp32 bytes | predicted loss | reason |",
        "|---|---|---|---|",
        *_rows([each for each in plan.decisions if each.action == "prune"]),
    ]
    return PlanRequest(subject, "\n".join(lines))


def _said(in_force: PlanEntry | None) -> str:
    if in_force is None:
        return "no plan, nothing is pruned"
    return (
        f"plan {in_force.plan_id}, which prunes {', '.join(in_force.pruned)}; this takes its place"
    )


def _interval(plan: PruningPlan) -> str:
    low, high = significant(plan.predicted_low), significant(plan.predicted_high)
    return f"{significant(plan.predicted_loss)} [{low}, {high}]"


def _rows(pruned: list[Decision]) -> list[str]:
    shown = [
        f"| {each.field} | {size(each.bytes)} | {significant(each.predicted_loss)} "
        f"| {each.reason.replace('|', '/')} |"
        for each in pruned[:LISTED]
    ]
    more = len(pruned) - LISTED
    return [*shown, f"| and {more} more | | | |"] if more > 0 else shown


def _link(page: str) -> str:
    address = page if "://" in page else Path(page).absolute().as_uri()
    return f"[{page}]({address})"
