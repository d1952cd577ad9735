from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.config_sections import Gates
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.gates import LEAST_OF_A_LABEL, Gate, check_gates
from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.evaluation.slices import SliceComparison

LIMITS = Gates(max_auc_drop=0.002, max_log_loss_increase=0.003, min_compression_ratio=2.0)
LABEL = np.array([0.0, 1.0, 0.0, 1.0])
LOGIT = np.array([-1.0, 1.0, 0.5, 0.0])
ERROR = 0.0005


def reaching(low: float | None = None, high: float | None = None) -> PairedDifference:
    """A difference whose interval has one of these ends."""
    width = PairedDifference(0.0, ERROR).high
    mean = low + width if low is not None else (high or 0.0) - width
    return PairedDifference(mean, ERROR)


def comparison(
    auc: PairedDifference | None = None,
    log_loss: PairedDifference | None = None,
    calibration: PairedDifference | None = None,
) -> Comparison:
    none = PairedDifference(0.0, ERROR)
    return replace(
        Comparison.of(LABEL, LOGIT, LOGIT),
        auc_difference=auc or none,
        log_loss_difference=log_loss or none,
        calibration_difference=calibration or none,
    )


def part(
    difference: PairedDifference | None = None, examples: int = 2000, positives: int = 500
) -> SliceComparison:
    return SliceComparison("rare rows", examples, positives, difference, None, 1.0, 1.0)


def check(
    limits: Gates, found: Comparison, *slices: SliceComparison, ratio: float = 2.0
) -> tuple[Gate, ...]:
    return check_gates(limits, found, slices, ratio)


def failed(gates: tuple[Gate, ...]) -> list[str]:
    return [gate.name for gate in gates if not gate.passed]


def test_all_gates_pass_when_intervals_end_just_within_their_limits() -> None:
    found = comparison(reaching(low=-0.001999), reaching(high=0.002999))
    assert failed(check(LIMITS, found)) == []


@pytest.mark.parametrize(
    ("found", "ratio", "name"),
    [
        (comparison(auc=reaching(low=-0.002001)), 2.0, "auc_drop"),
        (comparison(log_loss=reaching(high=0.003001)), 2.0, "log_loss_increase"),
        (comparison(), 1.99, "compression_ratio"),
    ],
    ids=["auc_drop", "log_loss_increase", "compression_ratio"],
)
def test_each_gate_fails_alone(found: Comparison, ratio: float, name: str) -> None:
    assert failed(check(LIMITS, found, ratio=ratio)) == [name]


def test_a_better_model_passes() -> None:
    found = comparison(PairedDifference(0.05, ERROR), PairedDifference(-0.05, ERROR))
    assert failed(check(LIMITS, found, ratio=9.0)) == []


def test_the_same_mean_passes_only_where_the_interval_is_narrow_enough() -> None:
    """The limit is the same, the day has a sixteenth of the examples."""
    few, many = (comparison(auc=PairedDifference(-0.001, error)) for error in (0.002, 0.0005))
    assert failed(check(LIMITS, many)) == []
    assert failed(check(LIMITS, few)) == ["auc_drop"]


@given(st.floats(-0.01, 0.01), st.floats(0.0, 0.01), st.floats(0.0, 0.01))
def test_the_auc_gate_passes_where_the_whole_interval_is_above_the_limit(
    mean: float, error: float, limit: float
) -> None:
    difference = PairedDifference(mean, error)
    gate = check(Gates(max_auc_drop=limit), comparison(auc=difference))[0]
    assert gate.passed == (difference.low >= -limit)
    assert (gate.found, gate.interval) == (-difference.low, difference)


def test_an_interval_that_is_not_a_number_does_not_pass() -> None:
    undefined = PairedDifference(0.0, float("nan"))
    assert failed(check(LIMITS, comparison(auc=undefined))) == ["auc_drop"]


def test_a_gate_explains_itself_with_the_interval() -> None:
    gate = check(LIMITS, comparison(PairedDifference(-0.01, 0.001)))[0]
    assert "at most 0.002" in gate.explanation
    assert gate.explanation.endswith("-0.01000 [-0.01196, -0.00804]")


def test_a_gate_that_only_an_uncertain_interval_fails_says_so() -> None:
    gate = check(LIMITS, comparison(PairedDifference(-0.001, 0.001)))[0]
    assert gate.explanation.endswith("the mean is within the limit, its interval is not")


def test_calibration_is_gated_only_where_a_limit_is_set() -> None:
    shifted = comparison(calibration=PairedDifference(0.5, 0.01))
    assert failed(check(LIMITS, shifted)) == []
    strict = LIMITS.model_copy(update={"max_calibration_shift": 0.05})
    assert failed(check(strict, shifted)) == ["calibration_shift"]


@pytest.mark.parametrize("shift", [reaching(low=-0.0501), reaching(high=0.0501)], ids=str)
def test_calibration_may_shift_neither_way(shift: PairedDifference) -> None:
    strict = LIMITS.model_copy(update={"max_calibration_shift": 0.05})
    assert failed(check(strict, comparison(calibration=shift))) == ["calibration_shift"]


BY_SLICE = LIMITS.model_copy(update={"max_slice_auc_drop": 0.01, "min_slice_examples": 1000})
BAD = PairedDifference(-0.2, 0.001)


def test_slices_are_gated_only_where_a_limit_is_set() -> None:
    assert failed(check(LIMITS, comparison(), part(BAD))) == []
    assert failed(check(BY_SLICE, comparison(), part(BAD))) == ["auc_drop of rare rows"]


def test_a_slice_is_held_by_the_low_end_of_its_interval() -> None:
    within, beyond = part(reaching(low=-0.00999)), part(reaching(low=-0.01001))
    assert failed(check(BY_SLICE, comparison(), within)) == []
    assert failed(check(BY_SLICE, comparison(), beyond)) == ["auc_drop of rare rows"]


@pytest.mark.parametrize(
    ("examples", "positives", "gated"),
    [
        (1000, 500, True),
        (999, 500, False),
        (1000, LEAST_OF_A_LABEL, True),
        (1000, LEAST_OF_A_LABEL - 1, False),
        (1000, 1001 - LEAST_OF_A_LABEL, False),
    ],
)
def test_a_slice_is_gated_from_so_many_examples_of_either_label_on(
    examples: int, positives: int, gated: bool
) -> None:
    found = failed(check(BY_SLICE, comparison(), part(BAD, examples, positives)))
    assert found == (["auc_drop of rare rows"] if gated else [])


def test_a_slice_without_auc_has_no_gate() -> None:
    assert failed(check(BY_SLICE, comparison(), part(None, positives=0))) == []
