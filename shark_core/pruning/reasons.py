"""Why a field goes or stays, in a line with figures.

pruned: importance -0.0012 [-0.0015, -0.0009], hurts; saves 65,536 bytes
kept: importance 0.0048 [0.0046, 0.005]; would take the predicted loss to 0.0071, past …
kept: lives with user, which is on the keep list
"""

from __future__ import annotations

from shark_core.config_sections import Pruning
from shark_core.importance.report import FieldImportance
from shark_core.pruning.candidates import Candidate, highest_loss
from shark_core.pruning.knapsack import Capacity
from shark_core.pruning.selection import Selection


def reason_to_prune(importance: FieldImportance, candidate: Candidate, bytes_: int) -> str:
    hurts = ", hurts" if importance.score < 0 else ""
    others = _others(importance.field, candidate)
    company = f"; goes with {others}" if others else ""
    return f"pruned: {_figures(importance)}{hurts}; saves {bytes_:,} bytes{company}"


def reason_to_keep(
    importance: FieldImportance,
    candidate: Candidate,
    selection: Selection,
    capacity: Capacity,
    limits: Pruning,
) -> str:
    if importance.field in candidate.keepers:
        return "kept: on the keep list"
    if candidate.keepers:
        verb = "is" if len(candidate.keepers) == 1 else "are"
        return f"kept: lives with {', '.join(candidate.keepers)}, which {verb} on the keep list"
    others = _others(importance.field, candidate)
    company = f"; lives with {others}" if others else ""
    why = _obstacle(candidate, selection, capacity, limits)
    return f"kept: {_figures(importance)}; {why}{company}"


def _obstacle(
    candidate: Candidate, selection: Selection, capacity: Capacity, limits: Pruning
) -> str:
    """Why the candidate does not go on top of what goes."""
    with_it = [*selection.pruned, candidate]
    if candidate == selection.last:
        return "the most important, and one field always stays"
    if not capacity.holds_loss(with_it):
        loss = highest_loss(with_it)
        return (
            f"would take the predicted loss to {loss:.3g}, "
            f"past max_predicted_loss {limits.max_predicted_loss:g}"
        )
    if not capacity.holds_fields(with_it):
        if capacity.fields == limits.max_fields:
            return f"would be past max_fields {limits.max_fields}"
        return "one field always stays"
    return f"byte_budget {limits.byte_budget:,} is met without it"


def _figures(importance: FieldImportance) -> str:
    low, high = importance.low, importance.high
    return f"importance {importance.score:.3g} [{low:.3g}, {high:.3g}]"


def _others(field: str, candidate: Candidate) -> str:
    return ", ".join(name for name in candidate.fields if name != field)
