"""Which step comes next, and what a measured step changes. Pure: nothing here trains or measures.

progress = Progress.start(config.fields, limits, permitted, importances)
while proposal := progress.proposal():
    …                                      finetune without progress.pruned + proposal.fields
    progress = progress.after(proposal, step, importances)

open fields ──► surest to cost little first, while the step stays within max_predicted_loss / steps
   ▲   │
   │   ├─ accepted ──► pruned; the rest is scored again
   │   └─ undone ──► its halves are tried, first half first; a candidate alone is refused
   └─ what no longer fits a half goes back

What is pruned after a step decides what is measured, not the way there: fields that were undone
together are not tried again when the rest of them comes up after a part was accepted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from shark_core.config_sections import Field, Pruning
from shark_core.errors import DataError, SharkError
from shark_core.importance.report import FieldImportance
from shark_core.pruning.candidates import Candidate, candidates_of
from shark_core.pruning.outcome import LossChange, PruningOutcome, Step
from shark_core.pruning.permitted import Permitted
from shark_core.pruning.room import Candidates, Room

Names = tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """A step to try. `halves` of an earlier one wait behind it."""

    number: int
    candidates: Candidates
    predicted: LossChange
    halves: tuple[Names, ...]

    @property
    def fields(self) -> Names:
        return _fields(self.candidates)


@dataclass(frozen=True)
class Progress:
    """`open`: permitted and not decided on; `halves` of undone steps are among them.

    `undone`: steps by all that was pruned in them.
    """

    room: Room
    importances: Mapping[str, FieldImportance]
    open: Names
    kept: Mapping[str, str]
    halves: tuple[Names, ...] = ()
    steps: tuple[Step, ...] = ()
    undone: Mapping[frozenset[str], Step] = field(default_factory=dict)

    @classmethod
    def start(
        cls,
        fields: Sequence[Field],
        limits: Pruning,
        permitted: Permitted,
        importances: Iterable[FieldImportance],
    ) -> Self:
        """Raises `DataError` where a permitted field has no finite importance."""
        scores = _covering(importances, permitted.names)
        return cls(Room(fields, limits), scores, permitted.names, permitted.kept)

    @property
    def pruned(self) -> Names:
        """In the config's order."""
        return self.room.pruned

    def proposal(self) -> Proposal | None:
        """The next step to try; None where the loop ends. Halves of an undone step come first."""
        if self._stop() is not None:
            return None
        for place, among in enumerate((*self.halves, self.open), start=1):
            if chosen := self._choose(among):
                predicted = LossChange.of(self.importances[name] for name in _fields(chosen))
                return Proposal(len(self.steps) + 1, chosen, predicted, self.halves[place:])
        return None

    def open_after(self, proposal: Proposal) -> Names:
        """What is still open once the proposal's fields are decided on."""
        return tuple(name for name in self.open if name not in proposal.fields)

    def after(
        self, proposal: Proposal, step: Step, importances: Iterable[FieldImportance]
    ) -> Progress:
        """`importances`: of the fields that are still open, on the model of an accepted step."""
        done = replace(self, steps=(*self.steps, step), halves=proposal.halves)
        left = self.open_after(proposal)
        if step.accepted:
            room = replace(self.room, accepted=(*self.room.accepted, *proposal.candidates))
            scores = _covering(importances, left)
            return replace(done, room=room, open=left, importances=scores)._without_known()
        done = replace(done, undone={**self.undone, self._gone(proposal.candidates): step})
        if len(proposal.candidates) > 1:
            middle = (len(proposal.candidates) + 1) // 2
            parts = (proposal.candidates[:middle], proposal.candidates[middle:])
            return replace(done, halves=(*map(_fields, parts), *proposal.halves))
        return done._refused(proposal.fields, step)

    def outcome(self, plan_id: str) -> PruningOutcome:
        """With a reason for every permitted field that stays."""
        left = {
            name: self._stop() or self._obstacle(candidate)
            for candidate in self._candidates(self.open)
            for name in candidate.fields
        }
        return PruningOutcome(plan_id, self.pruned, {**self.kept, **left}, self.steps)

    def _obstacle(self, candidate: Candidate) -> str:
        """Why a candidate that is still open stays, once no step is proposed any more."""
        found = self.room.obstacle((candidate,))
        if found is None:
            raise SharkError(
                "pruning ended too early",
                expected="a limit that keeps each permitted field which was not pruned",
                found=f"none that keeps {', '.join(candidate.fields)}",
                where=f"after step {len(self.steps):02}",
                remedy="file this with the log: it is a defect in SHARK",
            )
        return found

    def _choose(self, among: Names) -> Candidates:
        """As many as one step takes: the first that may go, and what may go along with it."""
        chosen: Candidates = ()
        for candidate in self._candidates(among):
            grown = (*chosen, candidate)
            fits = self.room.obstacle(grown) is None
            if fits and (not chosen or self.room.takes_at_once(grown)):
                chosen = grown
            elif chosen:
                break
        while self._gone(chosen) in self.undone:
            chosen = chosen[: len(chosen) // 2]
        return chosen

    def _gone(self, candidates: Candidates) -> frozenset[str]:
        """All that is pruned once these are gone too."""
        return frozenset((*self.pruned, *_fields(candidates)))

    def _refused(self, fields: Names, step: Step) -> Progress:
        """`step` was undone, and nothing but these fields is left of it."""
        why = f"step {step.number:02}: {step.reason}; measured {step.measured}, in all {step.total}"
        left = tuple(name for name in self.open if name not in fields)
        return replace(self, open=left, kept={**self.kept, **dict.fromkeys(fields, why)})

    def _without_known(self) -> Progress:
        """Refuses the candidates of which an undone step tells what they come to alone."""
        progress = self
        for candidate in self._candidates(self.open):
            if step := self.undone.get(self._gone((candidate,))):
                progress = progress._refused(candidate.fields, step)
        return progress

    def _candidates(self, names: Names) -> Candidates:
        """In `Candidate.order`, by the present scores."""
        fields = [each for each in self.room.fields if each.name in names]
        return tuple(candidates_of(fields, self.importances, self.room.limits))

    def _stop(self) -> str | None:
        """Why no further step is tried."""
        most = self.room.limits.max_trials
        return f"max_trials {most} used up" if len(self.steps) >= most else None


def _fields(candidates: Candidates) -> Names:
    return tuple(name for candidate in candidates for name in candidate.fields)


def _covering(importances: Iterable[FieldImportance], names: Names) -> dict[str, FieldImportance]:
    scores = {entry.field: entry for entry in importances if math.isfinite(entry.high)}
    if missing := [name for name in names if name not in scores]:
        raise DataError(
            "the importances do not cover the fields that may be pruned",
            expected=f"a score with a finite interval for each of {list(names)}",
            found=f"none for {missing}",
            remedy="run `python -m jobs score-fields` for this day again with the present config",
        )
    return {name: scores[name] for name in names}
