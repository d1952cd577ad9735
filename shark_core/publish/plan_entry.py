"""One decision on a plan: the whole plan, its status, and who decided, when and why."""

from __future__ import annotations

import json
import re
from datetime import UTC, date
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, StringConstraints, model_validator

from shark_core.pruning.plan import PruningPlan
from shark_core.publish.numbered_log import LogEntry

Status = Literal["proposed", "approved", "rejected", "applied"]
NEXT: dict[Status, tuple[Status, ...]] = {
    "proposed": ("approved", "rejected"),
    "approved": ("applied", "rejected"),
    "applied": ("rejected",),
    "rejected": ("approved",),  # a person changes their mind
}
IN_FORCE: tuple[Status, ...] = ("approved", "applied")
PLAN_ID = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{8}")

Who = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class PlanEntry(LogEntry):
    """What a plan became by a decision. `plan`: the document of its plan.json."""

    plan_id: str
    day: date
    status: Status
    by: Who
    at: AwareDatetime
    note: str = ""
    pruned: tuple[str, ...]
    plan: dict[str, Any]

    @model_validator(mode="after")
    def _id_is_of_the_day(self) -> Self:
        if not PLAN_ID.fullmatch(self.plan_id) or not self.plan_id.startswith(f"{self.day}-"):
            raise ValueError(f"plan id {self.plan_id!r} is not of {self.day}")
        return self

    @property
    def reviewed(self) -> PruningPlan:
        """The plan itself. Raises `DataError` where it is not what `PruningPlan` writes."""
        return PruningPlan.from_json(json.dumps(self.plan))

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.status} by {self.by} at {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{note}"
