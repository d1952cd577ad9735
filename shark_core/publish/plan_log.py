"""Plans under review: who proposed, approved, rejected and applied which pruning plan, and when.

    ctr/plans/2026-01-03-ab12cd34/99999999.json    entry 0: proposed
    ctr/plans/2026-01-03-ab12cd34/99999998.json    entry 1: approved

    proposed ──► approved ──► applied
        └───────────┴────────────┴──► rejected     from `applied`: withdrawn, no longer in force
                    ▲                    │
                    └────────────────────┘         a person changes their mind

Every entry holds the whole reviewed plan. A status follows from what the log held when somebody
decided: of two people who decide at once, one is told what the other one did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from shark_core.errors import ConfigError, ConflictError, DataError
from shark_core.pruning.plan import PruningPlan
from shark_core.publish.numbered_log import NumberedLog
from shark_core.publish.object_store import ObjectStore
from shark_core.publish.plan_entry import IN_FORCE, NEXT, PLAN_ID, PlanEntry, Status

NAMED = 5  # plans named in a message
LOOK = "look at `python -m jobs plans show`, then decide again"


@dataclass(frozen=True)
class PlanLog:
    """The plans of one model; each has a log of its own."""

    store: ObjectStore
    model: str

    def propose(self, plan: PruningPlan, day: date, by: str, at: datetime) -> PlanEntry:
        """Put a plan up for review. The same plan of the same day again: its head entry."""
        text = plan.to_json()
        entry = PlanEntry(
            number=0,
            plan_id=f"{day}-{hashlib.sha256(text.encode()).hexdigest()[:8]}",
            day=day,
            status="proposed",
            by=by,
            at=at,
            pruned=tuple(plan.pruned),
            plan=json.loads(text),
        )
        if self._log(entry.plan_id).append(entry):
            return entry
        head = self.head(entry.plan_id)
        if head.plan != entry.plan:
            raise _conflict(head, expected="the same plan under this id", remedy="change a limit")
        return head

    def decide(
        self,
        plan_id: str,
        status: Status,
        by: str,
        at: datetime,
        note: str = "",
        seen: PlanEntry | None = None,
    ) -> PlanEntry:
        """Add a decision. What was decided before is not decided again: that entry is returned.

        With `seen`, the decision is on the plan as it stood then, not as it stands now: a job does
        not approve what a person rejected while it ran.

        Raises `DataError` where there is no such plan; `ConflictError`, with who and when, where
        its status does not allow this one, or somebody else decided otherwise at the same time.
        """
        head = seen or self.head(plan_id)
        if done := self._earlier(head, status):
            return done
        if status not in NEXT[head.status]:
            raise _not_allowed(head, status)
        decision = {"number": head.number + 1, "status": status, "by": by, "at": at, "note": note}
        entry = PlanEntry.model_validate({**head.model_dump(), **decision})
        log = self._log(plan_id)
        if log.append(entry):
            return entry
        first = next(other for other in log.history() if other.number == entry.number)
        if first.status != status:
            still = f"a plan that is still {head.status}, to become {status}"
            raise _conflict(first, still, remedy=LOOK)
        return first

    def head(self, plan_id: str) -> PlanEntry:
        """How the plan stands. Raises `DataError` where there is no such plan."""
        head = self._log(plan_id).head()
        if head is None:
            raise _unknown(plan_id, self._ids()[:NAMED], f"{self.model}/plans")
        return head

    def history(self, plan_id: str) -> list[PlanEntry]:
        """Its entries, newest first. Raises as `head` does."""
        return list(self._log(plan_id).history()) or [self.head(plan_id)]

    def plans(self) -> Iterator[PlanEntry]:
        """Each plan's head entry: newest day first, within a day the last decided first."""
        for _, ids in groupby(self._ids(), key=_day_of):
            heads = [self.head(plan_id) for plan_id in ids]
            yield from sorted(heads, key=lambda head: (head.at, head.plan_id), reverse=True)

    def in_force(self, day: date) -> PlanEntry | None:
        """The plan to carry out on `day`: of the newest day up to it that has one in force.

        Of several in force that were made for the same day, the one that was approved last.
        """
        ids = [plan_id for plan_id in self._ids() if _day_of(plan_id) <= day.isoformat()]
        for _, of_one_day in groupby(ids, key=_day_of):
            heads = [self.head(plan_id) for plan_id in of_one_day]
            standing = [head for head in heads if head.status in IN_FORCE]
            if standing:
                return max(standing, key=lambda head: (self.approval(head).at, head.plan_id))
        return None

    def matching(self, pruned: tuple[str, ...]) -> PlanEntry | None:
        """The newest plan, whatever its status, that prunes exactly these fields."""
        wanted = set(pruned)
        return next((head for head in self.plans() if set(head.pruned) == wanted), None)

    def approval(self, head: PlanEntry) -> PlanEntry:
        """The entry that approved a plan which is in force."""
        return next(entry for entry in self.history(head.plan_id) if entry.status == "approved")

    def _earlier(self, head: PlanEntry, status: Status) -> PlanEntry | None:
        """The entry by which this was decided before; what is applied was approved."""
        if head.status == "applied" and status == "approved":
            return self.approval(head)
        return head if head.status == status else None

    def _ids(self) -> list[str]:
        """Newest day first."""
        prefix = f"{self.model}/plans"
        names = {
            found.key.removeprefix(f"{prefix}/").split("/")[0] for found in self.store.list(prefix)
        }
        return sorted(names, reverse=True)

    def _log(self, plan_id: str) -> NumberedLog[PlanEntry]:
        if not PLAN_ID.fullmatch(plan_id):
            raise ConfigError(
                "not the id of a plan",
                expected="a day and 8 hex digits, such as 2026-01-03-ab12cd34",
                found=repr(plan_id),
                remedy="look at `python -m jobs plans list`",
            )
        return NumberedLog(self.store, f"{self.model}/plans/{plan_id}", PlanEntry, "a plan's")


def _day_of(plan_id: str) -> str:
    return plan_id[:10]


def _not_allowed(head: PlanEntry, status: Status) -> ConflictError:
    allowed = [before for before, after in NEXT.items() if status in after]
    return _conflict(
        head,
        expected=f"a plan that is {' or '.join(allowed)}, to become {status}",
        remedy=LOOK,
    )


def _conflict(head: PlanEntry, expected: str, remedy: str) -> ConflictError:
    return ConflictError(
        f"plan {head.plan_id} is {head.status} already",
        expected=expected,
        found=str(head),
        where=f"entry {head.number} of the plan's log",
        remedy=remedy,
    )


def _unknown(plan_id: str, there_are: list[str], where: str) -> DataError:
    return DataError(
        "there is no such plan",
        expected=f"one of {', '.join(there_are)}" if there_are else "a plan; none was proposed yet",
        found=plan_id,
        where=where,
        remedy="look at `python -m jobs plans list`",
    )
