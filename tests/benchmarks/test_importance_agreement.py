"""Which fields noise must not outrank, and when it does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from tests.benchmarks.importance_agreement import Agreement, useful_fields
from tests.benchmarks.importance_scores import Scores
from tests.benchmarks.trained_model import Dataset
from tests.example_lake import tiny_config

DAYS = (date(2026, 1, 1),)


def scores(**by_field: float) -> Scores:
    errors = dict.fromkeys(by_field, 0.01)
    return Scores(by_field, errors, (by_field, by_field))


def dataset(
    root: Path, copies: Mapping[str, str] | None = None, informative: tuple[str, ...] = ()
) -> Dataset:
    config = tiny_config(root)
    return Dataset("tiny", config, DAYS, DAYS, ("noise",), copies or {}, informative)


def test_planted_informative_fields_are_useful_whatever_the_truth_came_to(tmp_path: Path) -> None:
    known = dataset(tmp_path, informative=("a", "b"))
    assert useful_fields(known, scores(a=0.5, b=-0.1, noise=0.3)) == ["a", "b"]


def test_a_copied_field_and_its_copy_are_not_held_against_noise(tmp_path: Path) -> None:
    known = dataset(tmp_path, copies={"twin": "a"}, informative=("a", "b", "twin"))
    assert useful_fields(known, scores(a=0.5, b=0.2, twin=0.4, noise=0.0)) == ["b"]


def test_of_a_real_log_fields_are_useful_from_three_standard_errors_on(tmp_path: Path) -> None:
    """The standard error of each is 0.01."""
    truth = scores(strong=0.5, above=0.031, below=0.029, hurts=-0.5, noise=0.0)
    assert useful_fields(dataset(tmp_path), truth) == ["strong", "above"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(0.01, -0.2, True, id="below every useful field"),
        pytest.param(0.15, -0.2, False, id="one above a useful field"),
        pytest.param(-0.2, 0.15, False, id="the other above a useful field"),
        pytest.param(0.1, -0.2, False, id="as high as a useful field"),
        pytest.param(0.05, -0.2, True, id="above a field that is not useful"),
    ],
)
def test_noise_is_in_the_bottom(first: float, second: float, expected: bool) -> None:
    found = scores(a=0.4, b=0.1, other=0.02, noise_1=first, noise_2=second)
    agreement = Agreement.of(found, found, ("noise_1", "noise_2"), useful=("a", "b"))
    assert agreement.noise_in_bottom is expected


def test_ranks_of_noise_count_from_below() -> None:
    found = scores(a=0.4, noise_1=-0.1, b=0.1, noise_2=0.2)
    ranks = Agreement.of(found, found, ("noise_1", "noise_2"), useful=("a",)).noise_ranks
    assert ranks == {"noise_1": 1, "noise_2": 3}


def test_the_strongest_fields_are_those_of_the_truth() -> None:
    truth = scores(**{f"f{number}": float(number) for number in range(1, 8)})
    predicted = scores(**{f"f{number}": number / 2 for number in range(1, 8)})
    found = Agreement.of(predicted, truth, ("f1",), useful=())
    assert dict(found.strongest) == dict.fromkeys(("f7", "f6", "f5", "f4", "f3"), 0.5)
    assert found.strongest_ratio == 0.5
