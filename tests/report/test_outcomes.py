"""What is told of a field: what was measured counts before what was planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.importance.report import FieldImportance, ImportanceReport
from shark_core.pruning.outcome import LossChange, PruningOutcome, Step
from shark_core.pruning.plan import Action, Decision, PruningPlan
from shark_core.publish.table_sizes import CompressedSizes
from shark_core.report.outcomes import field_outcomes
from shark_core.report.run_report import FieldOutcome
from tests.example_lake import tiny_config

MEASURED = PairedDifference(0.001, 0.0001)
REASONS: dict[Action, str] = {"keep": "kept: why", "prune": "pruned: why"}


def step(number: int, *fields: str, accepted: bool) -> Step:
    change = LossChange(0.0, 0.0, 0.0)
    return Step(number, fields, change, MEASURED, MEASURED, accepted, "undone: ends above a limit")


def told(root: Path, planned: Action, outcome: PruningOutcome) -> FieldOutcome:
    """Of the field `user`, which the day's plan prunes or keeps."""
    config = tiny_config(root)
    decisions = tuple(
        Decision(field.name, planned, REASONS[planned], 80, -0.1, -0.4, 0.2)
        if field.name == "user"
        else Decision(field.name, "keep", "kept: other", 80, 0.5, 0.4, 0.6)
        for field in config.fields
    )
    scores = tuple(FieldImportance(field.name, 0.1, 0.01, 500) for field in config.fields)
    sizes = CompressedSizes(config.float_bytes, (), 0)
    fields = field_outcomes(
        config,
        PruningPlan(decisions),
        ImportanceReport("logit_taylor", scores, {}),
        outcome,
        sizes,
    )
    return next(field for field in fields if field.field == "user")


def outcome(*steps: Step, kept: dict[str, str] | None = None) -> PruningOutcome:
    accepted = [each for each in steps if each.accepted]
    pruned = tuple(name for each in accepted for name in each.fields)
    return PruningOutcome("2026-01-02-00ff00ff", pruned, kept or {}, steps)


TRIED_AGAIN = (step(1, "user", "tags", accepted=False), step(2, "user", accepted=True))
CASES: dict[str, tuple[Action, PruningOutcome, str, str]] = {
    "pruned": ("keep", outcome(step(1, "user", accepted=True)), "pruned", "step 01: measured"),
    "pruned in the second trial": ("prune", outcome(*TRIED_AGAIN), "pruned", "step 02: measured"),
    "undone": (
        "prune",
        outcome(step(1, "user", accepted=False), kept={"user": "step 01: undone"}),
        "undone",
        "step 01: undone",
    ),
    "permitted and left": (
        "prune",
        outcome(kept={"user": "max_trials 3 used up"}),
        "kept",
        "max_trials 3 used up",
    ),
    "not permitted": ("prune", outcome(), "proposed", "why"),
    "kept": ("keep", outcome(), "kept", "why"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_field_is_told_as_it_ended(tmp_path: Path, case: str) -> None:
    planned, ended, decision, reason = CASES[case]
    field = told(tmp_path, planned, ended)
    assert field.decision == decision
    assert field.reason.startswith(reason)


def test_the_prediction_is_the_plans_with_its_interval(tmp_path: Path) -> None:
    assert told(tmp_path, "prune", outcome()).predicted == LossChange(-0.1, -0.4, 0.2)
