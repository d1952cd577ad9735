"""What becomes of a day's plan: proposed, approved at once, or neither, by what was decided before.

proposal = put_forward(log, plan, day, by="plan-pruning", at=now, approval="manual")
proposal.verdict       # "proposed as 2026-01-03-ab12cd34"

A day that is run again with another config or other scores proposes another plan of that day. Which
one counts is `PlanLog.in_force`'s to say: the newest day's, and of one day the last approved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

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
    was manual. Running it again changes nothing. Raises as `PlanLog.decide` does.
    """
    if not plan.pruned:
        return Proposal(None, "nothing to propose")
    standing = standing_decision(log, plan, day)
    entry = standing or log.propose(plan, day, by, at)
    if entry.status == "proposed" and approval == "automatic":
        entry = log.decide(entry.plan_id, "approved", AUTOMATIC, at)
    return Proposal(entry, _verdict(log, entry, day, new=entry.at == at))


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


def _verdict(log: PlanLog, entry: PlanEntry, day: date, new: bool) -> str:
    if entry.status == "rejected":
        return f"not proposed: plan {entry.plan_id}, of the same fields, was {entry}"
    if entry.status == "proposed":
        return f"proposed as {entry.plan_id}" if new else f"plan {entry.plan_id} waits for approval"
    in_force = log.in_force(day)
    if in_force is not None and in_force.plan_id != entry.plan_id:
        return f"plan {entry.plan_id} gave way to {in_force.plan_id}, which was approved later"
    return f"approved as {entry.plan_id}" if new else f"plan {entry.plan_id} is in force already"
