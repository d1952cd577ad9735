"""The pruning plan: a decision with its reason for every field, and plan.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shark_core.errors import DataError

FILE_NAME = "plan.json"
Action = Literal["keep", "prune"]
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Decision:
    """What happens to a field, and why. `bytes`: of its table in fp32.

    `predicted_loss`: its importance, the change of log-loss per example without it, with the ends
    `low` and `high` of its 95 % interval; below zero, the model is better without it.
    """

    __pydantic_config__ = STRICT

    field: str
    action: Action
    reason: str
    bytes: int
    predicted_loss: float
    low: float
    high: float


@dataclass(frozen=True)
class PruningPlan:
    """One decision per field, in the config's order. `warnings`: what to know before approving."""

    __pydantic_config__ = STRICT

    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...] = ()

    @property
    def kept(self) -> list[str]:
        return [decision.field for decision in self.decisions if decision.action == "keep"]

    @property
    def pruned(self) -> list[str]:
        return [decision.field for decision in self._pruned]

    @property
    def kept_bytes(self) -> int:
        return sum(decision.bytes for decision in self.decisions if decision.action == "keep")

    @property
    def predicted_loss(self) -> float:
        """Sum over the pruned fields, gains included: what is measured later is compared with it.

        `max_predicted_loss` holds for more: there a field that hurts counts as zero, so that it
        pays for no other.
        """
        return total(decision.predicted_loss for decision in self._pruned)

    @property
    def predicted_low(self) -> float:
        return total(decision.low for decision in self._pruned)

    @property
    def predicted_high(self) -> float:
        """The upper ends added up: fields are scored on the same examples, so that their errors may
        all lean the same way; independent errors would give a narrower interval.
        """
        return total(decision.high for decision in self._pruned)

    @property
    def _pruned(self) -> list[Decision]:
        return [decision for decision in self.decisions if decision.action == "prune"]

    def to_json(self) -> str:
        document = {"kept": self.kept, "pruned": self.pruned, **asdict(self)}
        return json.dumps(document, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> PruningPlan:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            document = json.loads(text)
            told = {key: document.pop(key) for key in ("kept", "pruned")}
            plan = _PLAN.validate_json(json.dumps(document))
            if told != {"kept": plan.kept, "pruned": plan.pruned}:
                raise ValueError("kept and pruned are not what the decisions say")
        except (ValueError, ValidationError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{FILE_NAME} is damaged",
                expected=f"kept, pruned, warnings, and decisions of {[*Decision.__annotations__]}",
                found=error,
                remedy="run `python -m jobs plan-pruning` for this day again",
            ) from error
        return plan


def total(losses: Iterable[float]) -> float:
    """The exact sum, rounded once: it does not depend on the order of the fields."""
    return math.fsum(losses)


_PLAN = TypeAdapter(PruningPlan)
