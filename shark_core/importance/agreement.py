"""How far fast scores agree with true mean-replacement of the same examples, and agreement.json.

`spearman`: the correlation of the two rankings, 1 for the same order. `overlap`: which share of the
`top_k` most important fields is the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
from scipy.stats import rankdata

from shark_core.errors import DataError

FILE_NAME = "agreement.json"


@dataclass(frozen=True)
class FieldAgreement:
    """`score` by the configured method; `true_loss`: what replacing the field's mean really costs,
    in log-loss per example."""

    field: str
    score: float
    true_loss: float


@dataclass(frozen=True)
class Agreement:
    spearman: float
    top_k: int
    overlap: float
    examples: int
    min_spearman: float
    fields: tuple[FieldAgreement, ...]

    @classmethod
    def of(
        cls,
        scores: Mapping[str, float],
        true_losses: Mapping[str, float],
        examples: int,
        top_k: int,
        min_spearman: float,
    ) -> Self:
        """Both by field, of the same fields. `top_k` is at most their number."""
        top = min(top_k, len(scores))
        names = list(scores)
        return cls(
            spearman=spearman([scores[n] for n in names], [true_losses[n] for n in names]),
            top_k=top,
            overlap=len(_most_important(scores, top) & _most_important(true_losses, top)) / top,
            examples=examples,
            min_spearman=min_spearman,
            fields=tuple(FieldAgreement(n, scores[n], true_losses[n]) for n in names),
        )

    @property
    def trusted(self) -> bool:
        return self.spearman >= self.min_spearman

    @property
    def warning(self) -> str | None:
        """What to tell whoever reads the plan; None where the scores are trusted."""
        if self.trusted:
            return None
        return (
            f"the scores agree with true mean-replacement by Spearman {self.spearman:.3f} only, "
            f"where {self.min_spearman:g} is asked for ({self.examples:,} examples, "
            f"{self.overlap:.0%} of the top {self.top_k} the same): do not trust their order; "
            "set importance.method to permutation, or look at what the model learned"
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            document = json.loads(text)
            fields = tuple(FieldAgreement(**entry) for entry in document.pop("fields"))
            return cls(**document, fields=fields)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{FILE_NAME} is damaged",
                expected="spearman, top_k, overlap, examples, min_spearman, fields",
                found=error,
                remedy="run `python -m jobs validate-importance` for this day again",
            ) from error


def spearman(first: list[float], second: list[float]) -> float:
    """Rank correlation, ties sharing the mean of their ranks.

    A ranking in which all are equal orders nothing: 1 where both are such, else 0.
    """
    ranks = np.stack([rankdata(first), rankdata(second)])  # (2, fields)
    varies = ranks.std(axis=1) > 0
    if not varies.all():
        return float(not varies.any())
    # numpy's corrcoef of two equal rows may be 1 − 2⁻⁵³, below a limit of 1; this is exactly 1
    first_rank, second_rank = ranks - ranks.mean(axis=1, keepdims=True)  # (fields,) each
    variances = (first_rank @ first_rank) * (second_rank @ second_rank)
    return float(first_rank @ second_rank / np.sqrt(variances))


def _most_important(scores: Mapping[str, float], count: int) -> set[str]:
    return set(sorted(scores, key=lambda name: (-scores[name], name))[:count])
