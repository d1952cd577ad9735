"""The pruning plan: a decision with its reason for every field, and plan.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from shark_core.errors import DataError

FILE_NAME = "plan.json"
Action = Literal["keep", "prune"]


@dataclass(frozen=True)
class Decision:
    """What happens to a field. `bytes`: of its table in fp32; `predicted_loss`: in log-loss."""

    field: str
    action: Action
    reason: str
    bytes: int
    importance: float
    predicted_loss: float


@dataclass(frozen=True)
class PruningPlan:
    """One decision per field, in the config's order."""

    decisions: tuple[Decision, ...]

    @property
    def kept(self) -> list[str]:
        return [decision.field for decision in self.decisions if decision.action == "keep"]

    @property
    def pruned(self) -> list[str]:
        return [decision.field for decision in self.decisions if decision.action == "prune"]

    @property
    def kept_bytes(self) -> int:
        return sum(decision.bytes for decision in self.decisions if decision.action == "keep")

    @property
    def predicted_loss(self) -> float:
        """Sum over the pruned fields."""
        return sum(d.predicted_loss for d in self.decisions if d.action == "prune")

    def to_json(self) -> str:
        document = {"kept": self.kept, "pruned": self.pruned, **asdict(self)}
        return json.dumps(document, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            entries: list[dict[str, Any]] = json.loads(text)["decisions"]
            return cls(tuple(Decision(**entry) for entry in entries))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                "plan.json is damaged",
                expected="decisions: field, action, reason, bytes, importance, predicted_loss",
                found=error,
                remedy="run `python -m jobs plan-pruning` for this day again",
            ) from error
