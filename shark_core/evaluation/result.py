"""The result of a day's evaluation, and evaluation.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from shark_core.errors import DataError
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.gates import Gate

FILE_NAME = "evaluation.json"


@dataclass(frozen=True)
class Evaluation:
    """The comparison of a day's two models, and the gates checked on it."""

    comparison: Comparison
    gates: tuple[Gate, ...]

    @property
    def failed_gates(self) -> list[str]:
        return [gate.name for gate in self.gates if not gate.passed]

    @property
    def figures(self) -> dict[str, Any]:
        """What people and markers are told of it, flat."""
        found = self.comparison
        return {
            "examples": found.examples,
            "positives": found.positives,
            "baseline_auc": found.baseline.auc,
            "compressed_auc": found.compressed.auc,
            "auc_difference": found.auc_difference.difference,
            "auc_difference_standard_error": found.auc_difference.standard_error,
            "baseline_log_loss": found.baseline.log_loss,
            "compressed_log_loss": found.compressed.log_loss,
            "log_loss_difference": found.log_loss_difference.difference,
            "log_loss_difference_standard_error": found.log_loss_difference.standard_error,
            "baseline_calibration": found.baseline.calibration,
            "compressed_calibration": found.compressed.calibration,
        }

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            document = json.loads(text)
            return cls(
                comparison=Comparison.from_document(document["comparison"]),
                gates=tuple(Gate(**gate) for gate in document["gates"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                "evaluation.json is damaged",
                expected="comparison, gates",
                found=error,
                remedy="run `python -m jobs evaluate` for this day again",
            ) from error
