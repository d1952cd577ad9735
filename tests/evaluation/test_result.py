from __future__ import annotations

import json

import numpy as np
import pytest

from shark_core.config_sections import Gates
from shark_core.errors import DataError
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.gates import check_gates
from shark_core.evaluation.result import FORMAT_VERSION, Evaluation
from shark_core.evaluation.slices import Members, compare_slices

RANDOM = np.random.default_rng(3)
LABEL = (RANDOM.random(400) < 0.4).astype(np.float32)
MODELS = (LABEL, *RANDOM.normal(size=(2, 400)).astype(np.float32))
LIMITS = Gates(max_slice_auc_drop=0.1, min_slice_examples=100, max_calibration_shift=0.2)


def evaluation() -> Evaluation:
    members = (
        Members("every other", np.arange(400) % 2 == 0),
        Members("none", np.zeros(400, bool)),
    )
    comparison, slices = Comparison.of(*MODELS), compare_slices(members, *MODELS)
    return Evaluation(comparison, slices, check_gates(LIMITS, comparison, slices, 3.0))


def test_an_evaluation_survives_its_json() -> None:
    assert Evaluation.from_json(evaluation().to_json()) == evaluation()


def test_failed_gates_are_told_by_name() -> None:
    names = [gate.name for gate in evaluation().gates]
    assert names == [
        "auc_drop",
        "log_loss_increase",
        "calibration_shift",
        "auc_drop of every other",
        "compression_ratio",
    ]
    assert set(evaluation().failed_gates) <= set(names)


def damaged(**changes: object) -> str:
    return json.dumps({**json.loads(evaluation().to_json()), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        damaged(format_version=FORMAT_VERSION - 1),
        damaged(slices=None),
        damaged(slices=[{"name": "rare rows"}]),
        damaged(gates=[{"name": "auc_drop", "limit": "high"}]),
        damaged(comparison={}),
    ],
)
def test_a_document_that_is_no_evaluation_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"evaluation\.json is damaged"):
        Evaluation.from_json(text)
