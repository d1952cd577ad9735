"""What a plan decides on: fields, alone or in the groups that live or die together.

    fields      user   item   shop   tags        groups [[item, shop]], keep [tags]
    candidates  (user) (item, shop) (tags, obstacle "on the keep list")

Candidates come in one order whatever the order of the input: surest to cost little first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shark_core.config_sections import Field, Pruning
from shark_core.errors import DataError
from shark_core.importance.report import FieldImportance
from shark_core.pruning.plan import total

NAMED = 5  # fields named in a message


@dataclass(frozen=True)
class Candidate:
    """`fields` in their order of name; `bytes` of their tables in fp32.

    `score`: the sum of the fields' importances. `loss`: their predicted loss; `highs`: the upper
    end of each one's interval. A field below zero counts as zero: it pays for no other, not even
    for one of its own group. `keepers`: of its fields, those on the keep list.
    """

    fields: tuple[str, ...]
    bytes: int
    score: float
    loss: float
    highs: tuple[float, ...]
    keepers: tuple[str, ...]

    @property
    def hurts(self) -> bool:
        """The model is predicted to be better without it."""
        return self.score < 0

    @property
    def high(self) -> float:
        return total(self.highs)

    @property
    def order(self) -> tuple[bool, float, float, int, tuple[str, ...]]:
        """Those that hurt first, then by the upper end of the predicted loss: what is surest to
        cost little goes first. Of equals the lower score, then more bytes, then by name.
        """
        return (not self.hurts, self.high, self.score, -self.bytes, self.fields)


def candidates_of(
    fields: Sequence[Field], scores: Mapping[str, FieldImportance], limits: Pruning
) -> list[Candidate]:
    """In `Candidate.order`. Names in `keep` and `groups` that `fields` lack are passed over."""
    sizes = {field.name: field.float_bytes for field in fields}
    together = {name: tuple(sorted(group)) for group in limits.groups for name in group}
    groups = {together.get(name, (name,)) for name in sizes}
    candidates = [
        _candidate([name for name in group if name in sizes], sizes, scores, limits)
        for group in groups
    ]
    return sorted(candidates, key=lambda candidate: candidate.order)


def highest_loss(candidates: Iterable[Candidate]) -> float:
    """What `max_predicted_loss` holds for: the upper ends, none below zero, rounded once."""
    return total(high for candidate in candidates for high in candidate.highs)


def charge(change: float) -> float:
    """What a change of log-loss counts against a limit: below zero, nothing."""
    return max(0.0, change)


def scores_by_field(
    fields: Sequence[Field], importances: Iterable[FieldImportance]
) -> dict[str, FieldImportance]:
    """Raises `DataError` where they are not exactly one usable score a field.

    A score of one example has an infinite standard error: nothing bounds what pruning by it costs.
    """
    given = sorted(importances, key=lambda importance: importance.field)
    usable = [importance.field for importance in given if _is_usable(importance)]
    names = sorted(field.name for field in fields)
    if usable != names or len(given) != len(names):
        raise DataError(
            "the importances do not cover the fields",
            expected="one finite score with a finite standard error for each field of the config",
            found=_differences(given, usable, names),
            remedy="run `python -m jobs score-fields` for this day again with the present config",
        )
    return {importance.field: importance for importance in given}


def _candidate(
    names: Sequence[str],
    sizes: Mapping[str, int],
    scores: Mapping[str, FieldImportance],
    limits: Pruning,
) -> Candidate:
    return Candidate(
        fields=tuple(names),
        bytes=sum(sizes[name] for name in names),
        score=total(scores[name].score for name in names),
        loss=total(charge(scores[name].score) for name in names),
        highs=tuple(charge(scores[name].high) for name in names),
        keepers=tuple(name for name in names if name in limits.keep),
    )


def _is_usable(importance: FieldImportance) -> bool:
    error = importance.standard_error
    return math.isfinite(importance.score) and math.isfinite(error) and error >= 0


def _differences(given: Sequence[FieldImportance], usable: list[str], names: list[str]) -> str:
    problems = {
        "none for": sorted(set(names) - {importance.field for importance in given}),
        "unknown fields": sorted({importance.field for importance in given} - set(names)),
        "more than one for": sorted({name for name in usable if usable.count(name) > 1}),
        "not usable": [_figures(each) for each in given if not _is_usable(each)],
    }
    return "; ".join(f"{problem} {_some(found)}" for problem, found in problems.items() if found)


def _figures(importance: FieldImportance) -> str:
    examples = f"{importance.examples:,} examples"
    return f"{importance.field} {importance.score} ± {importance.standard_error} of {examples}"


def _some(found: Sequence[str]) -> str:
    more = len(found) - NAMED
    return ", ".join(found[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
