"""What a report says of pruning: the plan, its review, each measured step, and how true it came.

Predicted and measured changes are of log-loss per example; more is worse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Self

from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.importance.agreement import Agreement
from shark_core.pruning.outcome import LossChange, Step
from shark_core.publish.plan_entry import PlanEntry


@dataclass(frozen=True)
class PlanStanding:
    """How a plan stood when the report was made. `at`: `2026-01-04 09:30`, in UTC."""

    plan_id: str
    status: str
    by: str
    at: str
    note: str
    approved_by: str | None

    @classmethod
    def of(cls, history: Sequence[PlanEntry]) -> Self:
        """Of its log's entries, newest first."""
        head = history[0]
        approvals = [entry.by for entry in history if entry.status == "approved"]
        return cls(
            plan_id=head.plan_id,
            status=head.status,
            by=head.by,
            at=f"{head.at.astimezone(UTC):%Y-%m-%d %H:%M}",
            note=head.note,
            approved_by=approvals[0] if approvals else None,
        )

    def __str__(self) -> str:
        """`2026-01-03-ab12cd34 applied (approved by ann)`."""
        if self.status == "applied" and self.approved_by:
            return f"{self.plan_id} applied (approved by {self.approved_by})"
        return f"{self.plan_id} {self.status} by {self.by}"


@dataclass(frozen=True)
class MeasuredStep:
    """An accepted step of some day: what was predicted, what was measured."""

    day: str
    fields: tuple[str, ...]
    predicted: LossChange
    measured: PairedDifference

    @classmethod
    def of(cls, day: object, step: Step) -> Self:
        return cls(str(day), step.fields, step.predicted, step.measured)

    @property
    def error(self) -> float:
        """Measured − predicted."""
        return self.measured.difference - self.predicted.mean

    @property
    def contains_prediction(self) -> bool:
        return self.measured.low <= self.predicted.mean <= self.measured.high

    @property
    def overlaps(self) -> bool:
        """Whether the two intervals have a point in common."""
        return self.measured.low <= self.predicted.high and self.predicted.low <= self.measured.high


@dataclass(frozen=True)
class PruningReport:
    """`carried_out`: the plan that prune-fields found in force. `of_the_day`: what the log holds on
    the fields that the day's plan prunes, if that is another plan. `warnings`: of the day's plan.
    `checks`: the accepted steps of this day and of earlier ones, oldest first.
    """

    carried_out: PlanStanding | None
    of_the_day: PlanStanding | None
    warnings: tuple[str, ...]
    agreement: Agreement
    steps: tuple[Step, ...]
    checks: tuple[MeasuredStep, ...]

    @property
    def contained(self) -> int:
        """How many measured intervals contain the prediction."""
        return sum(check.contains_prediction for check in self.checks)

    @property
    def mean_error(self) -> float:
        """Mean of measured − predicted; NaN without checks."""
        errors = [check.error for check in self.checks]
        return math.fsum(errors) / len(errors) if errors else math.nan
