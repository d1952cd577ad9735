"""How far fast scores agree with true mean-replacement of the same examples, and agreement.json.

`spearman`: the correlation of the two rankings, 1 for the same order. `overlap`: which share of the
`top_k` most important fields is the same.

found = Agreement.of(scores, true_losses, examples, top_k=10, min_spearman=0.9, scoring=way)
warning_on(found, config.importance.validation, where)    # None where the scores are trusted
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np
from scipy.stats import rankdata

from shark_core.config_sections import Importance, Validation
from shark_core.errors import DataError, GateFailed

FILE_NAME = "agreement.json"


@dataclass(frozen=True)
class WayOfScoring:
    """What decides which question scores answer, and how exactly; keys of `importance`."""

    method: str
    replacement: str
    precision: str
    calibrate: bool = True

    @classmethod
    def of(cls, settings: Importance) -> Self:
        return cls(settings.method, settings.replacement, settings.precision, settings.calibrate)

    @property
    def truth(self) -> Self:
        """True mean-replacement by the same loss."""
        return replace(self, method="permutation", replacement="mean", precision="fp32")

    @property
    def nearer_the_truth(self) -> str:
        """What to change. Donors ask another question than pruning does, so with them the method is
        not at fault; but f_permutation takes the mean whatever is configured.
        """
        donors, exact = self.replacement == "donors", self.method == self.truth.method
        changes = {
            "importance.replacement to mean": donors,
            "importance.method to permutation": self.method == "f_permutation"
            or not (donors or exact),
            "importance.precision to fp32": exact and not donors and self != self.truth,
        }
        return " and ".join(change for change, helps in changes.items() if helps)


@dataclass(frozen=True)
class FieldAgreement:
    """`score` by the configured method; `true_loss`: what replacing the field's mean really costs,
    in log-loss per example."""

    field: str
    score: float
    true_loss: float


@dataclass(frozen=True)
class Agreement:
    """`scoring`: how the scores were made. `min_spearman`: the limit that it is judged by."""

    spearman: float
    top_k: int
    overlap: float
    examples: int
    min_spearman: float
    scoring: WayOfScoring
    fields: tuple[FieldAgreement, ...]

    @classmethod
    def of(
        cls,
        scores: Mapping[str, float],
        true_losses: Mapping[str, float],
        examples: int,
        top_k: int,
        min_spearman: float,
        scoring: WayOfScoring,
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
            scoring=scoring,
            fields=tuple(FieldAgreement(n, scores[n], true_losses[n]) for n in names),
        )

    def under(self, min_spearman: float) -> Self:
        """The same, judged by another limit: the config may have changed since."""
        return replace(self, min_spearman=min_spearman)

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
            f"set {self.scoring.nearer_the_truth}, or look at what the model learned"
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            document = json.loads(text)
            fields = tuple(FieldAgreement(**entry) for entry in document.pop("fields"))
            scoring = WayOfScoring(**document.pop("scoring"))
            return cls(**document, scoring=scoring, fields=fields)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{FILE_NAME} is damaged",
                expected=", ".join(cls.__annotations__),
                found=error,
                remedy="run `python -m jobs validate-importance` for this day again",
            ) from error


def warning_on(agreement: Agreement, validation: Validation, where: str) -> str | None:
    """What to tell whoever reads the plan, by the limit of `validation`; None where the scores are
    trusted. Raises `GateFailed` instead where `on_disagreement` is `stop`.
    """
    judged = agreement.under(validation.min_spearman)
    if judged.trusted or validation.on_disagreement == "warn":
        return judged.warning
    raise GateFailed(
        "the day's importances are not to be trusted",
        expected=f"Spearman {judged.min_spearman:g} at least (importance.validation)",
        found=judged.warning,
        where=where,
        remedy=f"nothing is pruned on this day; set {judged.scoring.nearer_the_truth} and score "
        "again, or set on_disagreement to warn",
    )


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
