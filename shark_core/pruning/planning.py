"""Which fields to prune: those that hurt, then the best set within the limits. A pure function.

plan = plan_pruning(config.fields, report.fields, config.pruning)
plan.pruned                 # names, in the config's order
plan.decisions[0].reason    # "pruned: importance -0.0012 [-0.0015, -0.0009], hurts; saves …"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shark_core.config_sections import Field, Pruning
from shark_core.importance.report import FieldImportance
from shark_core.pruning.candidates import candidates_of, scores_by_field
from shark_core.pruning.plan import Action, Decision, PruningPlan
from shark_core.pruning.reasons import reason_to_keep, reason_to_prune
from shark_core.pruning.selection import capacity_of, select, warnings_on


def plan_pruning(
    fields: Sequence[Field],
    importances: Iterable[FieldImportance],
    limits: Pruning,
    warnings: Iterable[str] = (),
) -> PruningPlan:
    """Decide on candidates: fields, and groups of them, which go or stay as one.

    Limits, always: `max_predicted_loss` for the sum of the upper ends (a field whose upper end is
    below zero counts as zero), `max_fields` (fields, not groups), `keep` (a group with a member on
    it stays whole), and one field stays.

    1. Candidates whose score, for a group the sum of its fields', is below zero go first, those of
       the least upper end first (`Candidate.order`). Each goes unless, with those gone before it,
       it is past a limit. No other candidate is considered before all of these are decided on, and
       `byte_budget` does not hold them back: the model is better without them.
    2. Of the others, without `byte_budget`: the set that saves the most bytes, and of those the
       one of least predicted loss. With it: the set of least predicted loss that gets the tables
       down to the budget, nothing in it that the budget does not need; where no set gets there,
       the most bytes, with a warning.

    Where the limits would have every field go, the most important candidate stays, with a warning.
    The limits hold exactly; the set is the best one to a millionth of its bytes or loss, and where
    the search ends before that is certain, a warning says how near it came.

    The order of `importances`, and in the lists of `limits`, changes nothing; that of `fields` is
    the order of the decisions. Names in `keep` and `groups` that `fields` lack are passed over, so
    that what is left of a model can be planned for again.

    `warnings` come first among the plan's. Raises `DataError` where the importances are not
    exactly the fields', or a score or its standard error is not finite.
    """
    scores = scores_by_field(fields, importances)
    candidates = candidates_of(fields, scores, limits)
    selection = select(candidates, limits)
    capacity = capacity_of(candidates, limits)
    homes = {name: each for each in candidates for name in each.fields}
    pruned = set(selection.pruned)

    def decide(field: Field) -> Decision:
        score, home = scores[field.name], homes[field.name]
        if home in pruned:
            return _decision(field, "prune", reason_to_prune(score, home, field.float_bytes), score)
        reason = reason_to_keep(score, home, selection, capacity, limits)
        return _decision(field, "keep", reason, score)

    found = warnings_on(selection, candidates, limits)
    return PruningPlan(tuple(map(decide, fields)), (*warnings, *found))


def _decision(field: Field, action: Action, reason: str, score: FieldImportance) -> Decision:
    return Decision(
        field=field.name,
        action=action,
        reason=reason,
        bytes=field.float_bytes,
        predicted_loss=score.score,
        low=score.low,
        high=score.high,
    )
