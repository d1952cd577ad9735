"""What the pruning loop came to: every step with its prediction and its measurement; pruning.json.

step 01   user, tags   predicted +0.0004   measured +0.0003   in all +0.0003   accepted
step 02   item         predicted +0.0020   measured +0.0091   in all +0.0094   undone
pruned: user, tags     kept: item, undone in step 02
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pydantic import TypeAdapter, ValidationError

from shark_core.errors import DataError
from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.importance.report import FieldImportance
from shark_core.pruning.plan import STRICT, total

FILE_NAME = "pruning.json"


@dataclass(frozen=True)
class LossChange:
    """A predicted change of log-loss per example, with its 95 % interval."""

    __pydantic_config__ = STRICT

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, importances: Iterable[FieldImportance]) -> Self:
        """Of pruning fields together: their errors are of the same examples and may all lean the
        same way. Gains count, other than against a limit: measurement is compared with this.
        """
        entries = list(importances)
        return cls(
            mean=total(entry.score for entry in entries),
            low=total(entry.low for entry in entries),
            high=total(entry.high for entry in entries),
        )

    def __add__(self, other: LossChange) -> LossChange:
        return LossChange(self.mean + other.mean, self.low + other.low, self.high + other.high)

    def __str__(self) -> str:
        return f"{self.mean:+.5f} [{self.low:+.5f}, {self.high:+.5f}]"


NO_CHANGE = LossChange(0.0, 0.0, 0.0)
NO_DIFFERENCE = PairedDifference(0.0, 0.0)


@dataclass(frozen=True)
class Step:
    """One trial: `fields` pruned on top of what was accepted before it.

    `measured`: after finetuning, against the state before the step. `total`: against nothing pruned
    but finetuned likewise. Log-loss per example; positive is worse.
    """

    __pydantic_config__ = STRICT

    number: int
    fields: tuple[str, ...]
    predicted: LossChange
    measured: PairedDifference
    total: PairedDifference
    accepted: bool
    reason: str

    def __str__(self) -> str:
        figures = f"predicted {self.predicted}, measured {self.measured}, in all {self.total}"
        return f"without {', '.join(self.fields)}: {figures}; {self.reason}"


@dataclass(frozen=True)
class PruningOutcome:
    """`pruned` in the config's order; `kept`: what the plan permits but the loop left, and why.

    `plan_id` is None where no plan was in force; then nothing is pruned.
    """

    __pydantic_config__ = STRICT

    plan_id: str | None
    pruned: tuple[str, ...]
    kept: dict[str, str]
    steps: tuple[Step, ...]

    @property
    def accepted(self) -> list[Step]:
        return [step for step in self.steps if step.accepted]

    @property
    def undone(self) -> list[Step]:
        return [step for step in self.steps if not step.accepted]

    @property
    def predicted(self) -> LossChange:
        """Of the accepted steps together, each as predicted when it was taken."""
        return sum((step.predicted for step in self.accepted), start=NO_CHANGE)

    @property
    def measured(self) -> PairedDifference:
        """Of all that is pruned, against nothing pruned."""
        return self.accepted[-1].total if self.accepted else NO_DIFFERENCE

    def to_json(self) -> str:
        return _OUTCOME.dump_json(self, indent=1).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> PruningOutcome:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            return _OUTCOME.validate_json(text)
        except ValidationError as error:
            raise DataError(
                f"{FILE_NAME} is damaged",
                expected="plan_id, pruned, kept, steps",
                found=error,
                remedy="run `python -m jobs prune-fields` for this day again",
            ) from error


_OUTCOME = TypeAdapter(PruningOutcome)
