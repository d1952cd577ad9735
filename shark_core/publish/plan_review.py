"""What becomes of a day's plan: proposed, approved at once, or neither, by what was decided before.

`approve` is a person's approval, which takes effect on the plan's own day or raises.

proposal = put_forward(log, plan, day, by="plan-pruning", at=now, approval="manual")
proposal.verdict       # "proposed as 2026-01-03-ab12cd34"

A day that is run again with another config or other scores proposes another plan of that day. Which
one counts is `PlanLog.in_force`'s to say: the newest day's, and of one day the last approved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shark_core.errors import ConflictError
from shark_core.pruning.plan import PruningPlan
from shark_core.publish.plan_entry import IN_FORCE, PlanEntry
from shark_core.publish.plan_log import PlanLog

AUTOMATIC = "config: pruning.approval automatic"


@dataclass(frozen=True)
class Proposal:
    """`entry`: what the log holds on the plan's fields; None where the plan prunes nothing."""

    entry: PlanEntry | None
    verdict: str

    @property
    def waits(self) -> bool:
        return self.entry is not None and self.entry.status == "proposed"


def put_forward(
    log: PlanLog,
    plan: PruningPlan,
    day: date,
    by: str,
    at: datetime,
    approval: Literal["manual", "automatic"],
) -> Proposal:
    """Propose the plan, unless the same set of fields is in force, waits or was rejected already.

    With `automatic` approval a proposal that waits is approved, also one from a time when approval
    was manual, unless something wants a person: a warning, or a rejected plan whose fields are all
    among the plan's. Running it again changes nothing. Raises as `PlanLog.decide` does.
    """
    if not plan.pruned:
        return Proposal(None, "nothing to propose" + _in_spite_of(log, plan, day))
    standing = standing_decision(log, plan, day)
    entry = standing or log.propose(plan, day, by, at)
    doubt = _doubt(log, plan, entry) if approval == "automatic" else None
    if entry.status == "proposed" and approval == "automatic" and doubt is None:
        entry = log.decide(entry.plan_id, "approved", AUTOMATIC, at, seen=entry)
    new = entry.at == at
    waits = entry.status == "proposed"
    verdict = _waiting(entry, plan, day, doubt, new) if waits else _settled(log, entry, day, new)
    return Proposal(entry, verdict + _in_spite_of(log, plan, day))


def approve(log: PlanLog, plan_id: str, by: str, at: datetime, note: str = "") -> PlanEntry:
    """Put a plan in force on its day, and on those after it that have none of their own. Raises as
    `PlanLog.decide` does, and `ConflictError` where another plan of its day was approved later.
    """
    entry = log.decide(plan_id, "approved", by, at, note)
    in_force = log.in_force(entry.day)
    if in_force is not None and in_force.plan_id != plan_id:
        raise _without_effect(log, entry, in_force)
    return entry


def newer_in_force(log: PlanLog, plan: PlanEntry) -> PlanEntry | None:
    """What is in force on the first newer day that has a plan of its own."""
    newer = [head.day for head in log.plans() if head.day > plan.day and head.status in IN_FORCE]
    return log.in_force(min(newer)) if newer else None


def standing_decision(log: PlanLog, plan: PruningPlan, day: date) -> PlanEntry | None:
    """The entry that settles the plan's fields for the day, or will when a person decides on it."""
    in_force = log.in_force(day)
    if in_force is not None and set(in_force.pruned) == set(plan.pruned):
        return in_force
    earlier = log.matching(tuple(plan.pruned))
    if earlier is None or earlier.status in IN_FORCE:  # another plan took its place since
        return None
    if earlier.status == "proposed" and not _would_count(earlier, in_force, day):
        return None
    return earlier


def _would_count(proposed: PlanEntry, in_force: PlanEntry | None, day: date) -> bool:
    """Whether approving it would put it in force on the day."""
    return proposed.day <= day and (in_force is None or in_force.day <= proposed.day)


def _without_effect(log: PlanLog, plan: PlanEntry, in_force: PlanEntry) -> ConflictError:
    return ConflictError(
        f"approving plan {plan.plan_id} has no effect: another plan stays in force",
        expected="the last approved plan of its day",
        found=f"a plan of {plan.day}, {plan}; plan {in_force.plan_id} is in force, {in_force}",
        where=f"the plans of {log.model}",
        remedy="reject that one first: `python -m jobs plans reject --config FILE "
        f'--plan {in_force.plan_id} --note "why"`',
    )


def _doubt(log: PlanLog, plan: PruningPlan, entry: PlanEntry) -> str | None:
    """Why the plan wants a person, whatever the config says."""
    if plan.warnings or entry.plan.get("warnings"):
        return "its warnings want a person"
    pruned = set(plan.pruned)
    for head in log.plans():
        if head.status == "rejected" and pruned.issuperset(head.pruned):
            return f"it prunes all that plan {head.plan_id} would, which was {head}"
    return None


def _waiting(entry: PlanEntry, plan: PruningPlan, day: date, doubt: str | None, new: bool) -> str:
    if new:
        verdict = f"proposed as {entry.plan_id}" + (f", which waits: {doubt}" if doubt else "")
    else:
        verdict = f"plan {entry.plan_id} waits" + (f": {doubt}" if doubt else " for approval")
    if entry.day == day:
        return verdict
    interval = f"[{plan.predicted_low:.3g}, {plan.predicted_high:.3g}]"
    today = f"the predicted loss of {day} is {plan.predicted_loss:.3g} {interval}"
    return f"{verdict}; its figures are of {entry.day}, {today}"


def _settled(log: PlanLog, entry: PlanEntry, day: date, new: bool) -> str:
    if entry.status == "rejected":
        return f"not proposed: plan {entry.plan_id}, of the same fields, was {entry}"
    in_force = log.in_force(day)
    if in_force is not None and in_force.plan_id != entry.plan_id:
        return f"plan {entry.plan_id} gave way to {in_force.plan_id}, which was approved later"
    return f"approved as {entry.plan_id}" if new else f"plan {entry.plan_id} is in force already"


def _in_spite_of(log: PlanLog, plan: PruningPlan, day: date) -> str:
    """A plan in force was approved by what was known then: today's warnings do not hold it back."""
    in_force = log.in_force(day)
    if in_force is None or not plan.warnings:
        return ""
    warnings = "; ".join(plan.warnings)
    return f"; plan {in_force.plan_id} applies in spite of today's warnings: {warnings}"
