from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from shark_core.config_sections import Gates
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.gates import Gate, check_gates
from shark_core.evaluation.paired_difference import PairedDifference

LIMITS = Gates(max_auc_drop=0.002, max_log_loss_increase=0.003, min_compression_ratio=2.0)
LABEL = np.array([0.0, 1.0, 0.0, 1.0])
LOGIT = np.array([-1.0, 1.0, 0.5, 0.0])


def comparison(auc_change: float = 0.0, log_loss_change: float = 0.0) -> Comparison:
    return replace(
        Comparison.of(LABEL, LOGIT, LOGIT),
        auc_difference=PairedDifference(auc_change, 0.001),
        log_loss_difference=PairedDifference(log_loss_change, 0.001),
    )


def failed(gates: tuple[Gate, ...]) -> list[str]:
    return [gate.name for gate in gates if not gate.passed]


def test_all_gates_pass_on_their_limits() -> None:
    assert failed(check_gates(LIMITS, comparison(-0.002, 0.003), 2.0)) == []


@pytest.mark.parametrize(
    ("found", "ratio", "name"),
    [
        (comparison(auc_change=-0.0021), 2.0, "auc_drop"),
        (comparison(log_loss_change=0.0031), 2.0, "log_loss_increase"),
        (comparison(), 1.99, "compression_ratio"),
    ],
)
def test_each_gate_fails_alone(found: Comparison, ratio: float, name: str) -> None:
    assert failed(check_gates(LIMITS, found, ratio)) == [name]


def test_a_better_model_passes() -> None:
    assert failed(check_gates(LIMITS, comparison(0.05, -0.05), 9.0)) == []


def test_a_gate_explains_itself_with_the_interval() -> None:
    gate = check_gates(LIMITS, comparison(-0.01), 2.0)[0]
    assert "at most 0.002" in gate.explanation
    assert "-0.01000 [-0.01196, -0.00804]" in gate.explanation


def test_a_comparison_survives_json() -> None:
    found = comparison(-0.01, 0.02)
    assert Comparison.from_document(json.loads(json.dumps(asdict(found)))) == found
