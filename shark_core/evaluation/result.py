"""The result of a day's evaluation, and evaluation.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from shark_core.errors import DataError
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.gates import Gate
from shark_core.evaluation.slices import SliceComparison

FILE_NAME = "evaluation.json"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class Evaluation:
    """The comparison of a day's two models, of parts of the examples, and the gates on both."""

    comparison: Comparison
    slices: tuple[SliceComparison, ...]
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
            "calibration_difference": found.calibration_difference.difference,
            "calibration_difference_standard_error": found.calibration_difference.standard_error,
        }

    def to_json(self) -> str:
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Evaluation:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            if json.loads(text)["format_version"] != FORMAT_VERSION:
                raise ValueError("another format_version")
            return _EVALUATION.validate_json(text)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                "evaluation.json is damaged, or of another release",
                expected=f"an evaluation of format version {FORMAT_VERSION}",
                found=error,
                remedy="run `python -m jobs evaluate` for this day again",
            ) from error


_EVALUATION = TypeAdapter(Evaluation)
