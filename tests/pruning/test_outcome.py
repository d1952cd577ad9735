"""pruning.json."""

from __future__ import annotations

import pytest

from shark_core.errors import DataError
from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.importance.report import FieldImportance
from shark_core.pruning.outcome import LossChange, PruningOutcome, Step

CHANGE = LossChange(0.001, -0.001, 0.003)


def step(number: int, *fields: str, accepted: bool) -> Step:
    measured, total = PairedDifference(0.01 * number, 0.001), PairedDifference(0.1 * number, 0.001)
    return Step(number, fields, CHANGE, measured, total, accepted, "for a reason")


OUTCOME = PruningOutcome(
    plan_id="2026-01-02-ab12cd34",
    pruned=("user", "tags"),
    kept={"item": "step 02: undone"},
    steps=(
        step(1, "tags", accepted=True),
        step(2, "item", accepted=False),
        step(3, "user", accepted=True),
    ),
)


def test_predictions_of_accepted_steps_add_up() -> None:
    assert OUTCOME.predicted == LossChange(0.002, -0.002, 0.006)


def test_the_measured_change_is_the_whole_one_of_the_last_accepted_step() -> None:
    assert OUTCOME.measured == OUTCOME.steps[2].total
    assert PruningOutcome(None, (), {}, ()).measured == PairedDifference(0.0, 0.0)


def test_the_interval_of_several_fields_together_is_as_wide_as_theirs() -> None:
    scores = [FieldImportance(name, 0.01, 0.001, 100) for name in "ab"]
    change = LossChange.of(scores)
    assert change.mean == pytest.approx(0.02)
    assert change.high - change.low == pytest.approx(2 * (scores[0].high - scores[0].low))


@pytest.mark.parametrize("outcome", [OUTCOME, PruningOutcome(None, (), {}, ())])
def test_an_outcome_survives_json(outcome: PruningOutcome) -> None:
    assert PruningOutcome.from_json(outcome.to_json()) == outcome


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        OUTCOME.to_json()[:-20],
        OUTCOME.to_json().replace('"user"', "7"),
        OUTCOME.to_json().replace('"standard_error"', '"error"'),
        OUTCOME.to_json().replace("0.001", "null"),
    ],
)
def test_a_damaged_document_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"pruning\.json is damaged(.|\n)*prune-fields"):
        PruningOutcome.from_json(text)
