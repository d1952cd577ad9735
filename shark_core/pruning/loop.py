"""Prune a step, finetune, measure on held-out examples, accept or undo, score again; repeat.

    nothing pruned ──finetune──► reference logits                                        step 00
    accepted + step ──finetune──► logits ──paired difference to the reference──► verdict step 01 …
                                                        │ accepted: the rest is scored on this model

Every trial starts from the day's baseline, so it measures what will be served, and undoing a step
is forgetting it. The reference is finetuned likewise: what finetuning itself gains hides no loss.
Nor does what pruning a harmful field gains: a step is compared with the best state so far, too.
A trial that is recorded already is not run again, which is all there is to resuming.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, Self

from tqdm import tqdm

from shark_core.errors import ConfigError, DataError, PermanentError
from shark_core.evaluation.log_loss import log_loss_difference
from shark_core.importance.report import FieldImportance
from shark_core.models.predictions import Predictions
from shark_core.pruning.outcome import NO_CHANGE, NO_DIFFERENCE, Step
from shark_core.pruning.progress import Progress, Proposal

log = logging.getLogger("shark")

REFERENCE = Step(0, (), NO_CHANGE, NO_DIFFERENCE, NO_DIFFERENCE, True, "nothing pruned")


class Finetuned(Protocol):
    """A model as it would be served without some fields."""

    @property
    def predictions(self) -> Predictions:
        """On the held-out examples."""

    def importances(self) -> tuple[FieldImportance, ...]:
        """Of the fields that it still has."""


class Trials(Protocol):
    def finetune(self, pruned: Sequence[str]) -> Finetuned:
        """The day's baseline without these fields, finetuned. Raises `PermanentError`."""


@dataclass(frozen=True)
class Trial:
    """A measured step. Accepted: its predictions, and the importances of the fields still open."""

    step: Step
    predictions: Predictions | None = None
    importances: tuple[FieldImportance, ...] = ()


@dataclass(frozen=True)
class States:
    """Predictions of the states that a trial is compared with: nothing pruned, what is accepted so
    far, and the one of least log-loss among all that were accepted.
    """

    reference: Predictions
    accepted: Predictions
    best: Predictions

    @classmethod
    def at_first(cls, reference: Predictions) -> Self:
        return cls(reference, reference, reference)

    def after(self, trial: Trial) -> Self:
        found = trial.predictions
        if found is None:
            return self
        best = found if found.log_loss < self.best.log_loss else self.best
        return replace(self, accepted=found, best=best)


class Records(Protocol):
    def find(self, number: int, fields: Sequence[str]) -> Trial | None:
        """The trial of an earlier run with the same inputs."""

    def add(self, trial: Trial) -> None:
        """Trials are added in order; each replaces what had its number."""


def prune_in_steps(progress: Progress, trials: Trials, records: Records) -> Progress:
    """Try steps until a limit ends it; gives the progress at the end.

    Where nothing may go, not even the reference is finetuned. Raises `PermanentError`, with the
    step's fields, where a trial diverges.
    """
    run = _Run(trials, records)
    states: States | None = None
    most = progress.room.limits.max_trials
    with tqdm(total=most, desc="pruning", unit=" trials", disable=not sys.stderr.isatty()) as bar:
        while proposal := progress.proposal():
            states = states or States.at_first(run.reference)
            trial = run.trial(progress, proposal, states)
            progress = progress.after(proposal, trial.step, trial.importances)
            states = states.after(trial)
            bar.update()
    return progress


@dataclass
class _Run:
    """Trials, or what an earlier run recorded of them."""

    trials: Trials
    records: Records

    @cached_property
    def reference(self) -> Predictions:
        """With nothing pruned."""
        found = self.records.find(REFERENCE.number, ())
        if found is not None and found.predictions is not None:
            log.info("step 00, the reference, taken from an earlier run")
            return found.predictions
        log.info("step 00, the reference: finetuning with nothing pruned")
        with _naming(REFERENCE.number, ()):
            predictions = self.trials.finetune(()).predictions
        self.records.add(Trial(REFERENCE, predictions))
        return predictions

    def trial(self, progress: Progress, proposal: Proposal, states: States) -> Trial:
        found = self.records.find(proposal.number, proposal.fields)
        if found is not None:
            log.info("step %02d, taken from an earlier run: %s", proposal.number, found.step)
            return found
        log.info("step %02d: finetuning without %s", proposal.number, ", ".join(proposal.fields))
        with _naming(proposal.number, proposal.fields):
            trial = self._measure(progress, proposal, states)
        self.records.add(trial)
        log.info("step %02d: %s", proposal.number, trial.step)
        return trial

    def _measure(self, progress: Progress, proposal: Proposal, states: States) -> Trial:
        model = self.trials.finetune((*progress.pruned, *proposal.fields))
        limit = progress.room.limits.max_measured_loss
        step = judged(proposal, states, model.predictions, limit)
        if not step.accepted:
            return Trial(step)
        left = progress.open_after(proposal)
        scores = model.importances() if left else ()
        scores_left = tuple(entry for entry in scores if entry.field in left)
        return Trial(step, model.predictions, scores_left)


def judged(
    proposal: Proposal, states: States, found: Predictions, max_measured_loss: float
) -> Step:
    """Whether a step stays: by the upper end of the whole increase, since increases add up, against
    nothing pruned and against the best state so far.
    """
    accepted, total, above_best = (
        log_loss_difference(found.labels, before.logits, found.logits)
        for before in (states.accepted, states.reference, states.best)
    )
    stays = max(total.high, above_best.high) <= max_measured_loss
    verdict = "accepted" if stays else "undone"
    where = "ends within" if stays else "ends above"
    than = " of the best state so far" if above_best.high > total.high else ""
    return Step(
        number=proposal.number,
        fields=proposal.fields,
        predicted=proposal.predicted,
        measured=accepted,
        total=total,
        accepted=stays,
        reason=f"{verdict}: {where} max_measured_loss {max_measured_loss:g}{than}",
    )


@contextmanager
def _naming(number: int, fields: Sequence[str]) -> Iterator[None]:
    """Says of a model that went wrong which step it was for."""
    try:
        yield
    except (ConfigError, DataError):
        raise
    except PermanentError as error:
        keep = ", or name these fields in pruning.keep" if fields else ""
        raise PermanentError(
            f"step {number:02} of pruning cannot be measured",
            expected="a model that stays finite",
            found=error,
            where=f"without {', '.join(fields)}" if fields else "the reference: nothing pruned",
            remedy=f"lower finetuning's learning rates{keep}",
        ) from error
