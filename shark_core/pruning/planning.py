"""Which fields to prune: least important first, until a limit stops it. A pure function.

plan = plan_pruning(config.fields, report.fields, config.pruning)
plan.pruned                 # names, in the config's order
plan.decisions[0].reason    # "pruned: importance 0.0012 ± 0.0001, number 1 of 40 from below; …"
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shark_core.config_sections import Field, Pruning
from shark_core.errors import DataError
from shark_core.importance.report import FieldImportance
from shark_core.pruning.plan import Action, Decision, PruningPlan


@dataclass(frozen=True)
class _Progress:
    """What is left, and what has been spent, after the fields pruned so far."""

    pruned: int
    kept: int
    kept_bytes: int
    loss: float

    def without(self, field: Field, loss: float) -> _Progress:
        left = self.kept_bytes - field.float_bytes
        return _Progress(self.pruned + 1, self.kept - 1, left, self.loss + loss)


@dataclass(frozen=True)
class _Candidate:
    """A field that may be pruned. `place` counts from the least important."""

    field: Field
    importance: FieldImportance
    place: str

    @property
    def figures(self) -> str:
        score, error = self.importance.score, self.importance.standard_error
        return f"importance {score:.3g} ± {error:.1g}, {self.place}"


def plan_pruning(
    fields: Sequence[Field], importances: Iterable[FieldImportance], limits: Pruning
) -> PruningPlan:
    """Prune in order of importance (ties: more bytes first, then by name) until a limit stops it.

    * `max_predicted_loss`: the sum of the pruned fields' predicted losses never passes it.
    * `byte_budget`: stops once the remaining tables (fp32) fit it; the other limits still hold.
    * `max_fields`: at most so many are pruned. `keep`: never pruned. One field always stays.

    The order of `importances` does not matter. Raises `DataError` where they are not exactly the
    fields' or a score is not finite.
    """
    scores = _by_field(fields, importances)
    total_bytes = sum(field.float_bytes for field in fields)
    progress = _Progress(0, len(fields), total_bytes, 0.0)
    verdicts: dict[str, tuple[Action, str]] = {}
    stop: str | None = None
    for candidate in _candidates(fields, scores, limits):
        loss = predicted_loss(candidate.importance)
        stop = stop or _stop(progress, loss, limits)
        if stop is None:
            progress = progress.without(candidate.field, loss)
            verdict: tuple[Action, str] = ("prune", _spent(candidate, progress, limits))
        else:
            verdict = ("keep", f"kept: {candidate.figures}; {stop}")
        verdicts[candidate.field.name] = verdict
    return PruningPlan(tuple(_decision(field, scores[field.name], verdicts) for field in fields))


def predicted_loss(importance: FieldImportance) -> float:
    """Log-loss per example. Below zero counts as zero: a field that hurts pays for no other."""
    return max(importance.score, 0.0)


def _candidates(
    fields: Sequence[Field], scores: dict[str, FieldImportance], limits: Pruning
) -> list[_Candidate]:
    ordered = sorted(
        (field for field in fields if field.name not in limits.keep),
        key=lambda field: (scores[field.name].score, -field.float_bytes, field.name),
    )
    return [
        _Candidate(field, scores[field.name], f"number {place} of {len(ordered)} from below")
        for place, field in enumerate(ordered, start=1)
    ]


def _stop(progress: _Progress, loss: float, limits: Pruning) -> str | None:
    """Why nothing more may be pruned; None where the next field may."""
    budget = limits.byte_budget
    if budget is not None and progress.kept_bytes <= budget:
        return f"the {progress.kept_bytes:,} bytes that remain fit byte_budget {budget:,}"
    if progress.pruned == limits.max_fields:
        return f"max_fields {limits.max_fields} reached"
    if progress.kept == 1:
        return "the last field always stays"
    if progress.loss + loss > limits.max_predicted_loss:
        return (
            f"the next field's {loss:.3g} would take the predicted loss from {progress.loss:.3g} "
            f"past max_predicted_loss {limits.max_predicted_loss:g}"
        )
    return None


def _spent(candidate: _Candidate, progress: _Progress, limits: Pruning) -> str:
    return (
        f"pruned: {candidate.figures}; saves {candidate.field.float_bytes:,} bytes; "
        f"predicted loss so far {progress.loss:.3g} of {limits.max_predicted_loss:g}"
    )


def _decision(
    field: Field, importance: FieldImportance, verdicts: dict[str, tuple[Action, str]]
) -> Decision:
    action, reason = verdicts.get(field.name, ("keep", "kept: on the keep list"))
    return Decision(
        field=field.name,
        action=action,
        reason=reason,
        bytes=field.float_bytes,
        importance=importance.score,
        predicted_loss=predicted_loss(importance),
    )


def _by_field(
    fields: Sequence[Field], importances: Iterable[FieldImportance]
) -> dict[str, FieldImportance]:
    scores = {importance.field: importance for importance in importances}
    usable = {name for name, importance in scores.items() if math.isfinite(importance.score)}
    if usable != {field.name for field in fields}:
        raise DataError(
            "the importances do not cover the fields",
            expected=f"a finite score for each of {[field.name for field in fields]}",
            found=f"finite scores for {sorted(usable)}",
            remedy="run `python -m jobs score-fields` for this day again with the present config",
        )
    return scores
