"""The result of scoring: one importance per field, and importance.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

from shark_core.confidence import Z_95
from shark_core.errors import DataError
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums

FILE_NAME = "importance.json"


@dataclass(frozen=True)
class FieldImportance:
    """`score` in log-loss per example, with its standard error over `examples` examples.

    The interval is of the sample: how far the score would move with other examples. How far a
    first-order score is from true replacement is what `shark_core.importance.agreement` measures.
    """

    field: str
    score: float
    standard_error: float
    examples: int

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self.score - Z_95 * self.standard_error

    @property
    def high(self) -> float:
        return self.score + Z_95 * self.standard_error


@dataclass(frozen=True)
class ImportanceReport:
    """Fields in the model's order. `mean_embeddings`: ē_f `(D_f,)`, what a pruned field becomes."""

    method: str
    fields: tuple[FieldImportance, ...]
    mean_embeddings: dict[str, tuple[float, ...]]

    @classmethod
    def of(cls, method: str, means: MeanEmbeddings, scores: ScoreSums) -> Self:
        fields = tuple(
            FieldImportance(name, scores.score(name), scores.standard_error(name), scores.examples)
            for name in scores.sums
        )
        vectors = {name: tuple(mean.tolist()) for name, mean in means.means().items()}
        return cls(method, fields, vectors)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            document = json.loads(text)
            return cls(
                method=document["method"],
                fields=tuple(FieldImportance(**entry) for entry in document["fields"]),
                mean_embeddings={k: tuple(v) for k, v in document["mean_embeddings"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                "importance.json is damaged",
                expected="method, fields, mean_embeddings",
                found=error,
                remedy="run `python -m jobs score-fields` for this day again",
            ) from error
