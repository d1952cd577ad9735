"""What the config's limits leave room for, on top of what is pruned already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shark_core.config_sections import Field, Pruning
from shark_core.pruning.candidates import Candidate, highest_loss

Candidates = tuple[Candidate, ...]


@dataclass(frozen=True)
class Room:
    """`accepted`: what is pruned, each as it was scored when it went."""

    fields: Sequence[Field]
    limits: Pruning
    accepted: Candidates = ()

    @property
    def pruned(self) -> tuple[str, ...]:
        """In the config's order."""
        gone = {name for candidate in self.accepted for name in candidate.fields}
        return tuple(field.name for field in self.fields if field.name in gone)

    @property
    def charged(self) -> float:
        """Of max_predicted_loss: the upper ends of what was predicted of `accepted`."""
        return highest_loss(self.accepted)

    def enough(self, candidates: Candidates = ()) -> str | None:
        """Why nothing needs to go beyond these, unless it hurts; None where the rest may."""
        left = sum(field.float_bytes for field in self.fields)
        left -= sum(candidate.bytes for candidate in (*self.accepted, *candidates))
        budget = self.limits.byte_budget
        if budget is None or left > budget:
            return None
        return f"the {left:,} bytes that remain fit byte_budget {budget:,}"

    def obstacle(self, candidates: Candidates) -> str | None:
        """Why these, of which the last is the question, may not go; None where they may."""
        gone = (*self.accepted, *candidates)
        if not candidates[-1].hurts and (enough := self.enough(candidates[:-1])):
            return enough
        count = sum(len(candidate.fields) for candidate in gone)
        most, limit = self.limits.max_fields, self.limits.max_predicted_loss
        if most is not None and count > most:
            return f"it would be {count} fields pruned, past max_fields {most}"
        if count >= len(self.fields):
            return "the last field always stays"
        if highest_loss(gone) > limit:
            return (
                f"the upper end of its predicted loss, {highest_loss(candidates):.3g}, would take "
                f"the accepted steps' {self.charged:.3g} past max_predicted_loss {limit:g}"
            )
        return None

    def takes_at_once(self, candidates: Candidates) -> bool:
        """Whether these are no more than one step is for."""
        share = self.limits.max_predicted_loss / self.limits.steps
        return highest_loss(candidates) <= share
