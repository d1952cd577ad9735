"""The area under a keep-k curve, by hand."""

from __future__ import annotations

import pytest

from tests.benchmarks.field_selection.curves import Curve, Estimate, area, area_difference, areas
from tests.benchmarks.field_selection.trainings import Quality


def curve(**auc_by_k: float) -> Curve:
    """`curve(k2=0.6, k8=0.7)`."""
    return {int(k[1:]): Quality(auc, log_loss=0.0) for k, auc in auc_by_k.items()}


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        pytest.param(curve(k2=0.7, k4=0.7, k8=0.7), 1.0, id="as good as all at every k"),
        pytest.param(curve(k2=0.5, k4=0.5, k8=0.7), 0.25, id="chance up to the last half"),
        pytest.param(curve(k2=0.6, k8=0.7), 0.75, id="half of the full model's at the start"),
        pytest.param(curve(k2=0.9, k8=0.7), 1.5, id="better than all fields"),
        pytest.param(curve(k2=0.4, k8=0.7), 0.25, id="worse than chance"),
        pytest.param(curve(k8=0.7, k2=0.6), 0.75, id="in whatever order they were measured"),
    ],
)
def test_area_by_hand(measured: Curve, expected: float) -> None:
    assert area(measured) == pytest.approx(expected)


def test_every_doubling_of_k_counts_the_same() -> None:
    early = curve(k1=0.5, k2=0.7, k4=0.7, k8=0.7)  # a fault between 1 and 2
    late = curve(k1=0.7, k2=0.7, k4=0.5, k8=0.7)  # two such faults, from 2 to 8
    assert (area(early), area(late)) == (pytest.approx(5 / 6), pytest.approx(4 / 6))


def test_areas_of_seeds_have_a_mean_and_its_standard_error() -> None:
    found = areas([curve(k2=0.6, k8=0.7), curve(k2=0.7, k8=0.7)])
    assert found.mean == pytest.approx((0.75 + 1.0) / 2)
    assert found.standard_error == pytest.approx(0.125)  # (0.25 / √2) / √2


def test_differences_are_paired_by_seed() -> None:
    """Both seeds lose a quarter, however far apart they are."""
    first = [curve(k2=0.6, k8=0.7), curve(k2=0.8, k8=0.7)]
    second = [curve(k2=0.7, k8=0.7), curve(k2=0.9, k8=0.7)]
    found = area_difference(first, second)
    assert found.mean == pytest.approx(-0.25)
    assert found.standard_error == pytest.approx(0.0, abs=1e-12)


def test_one_seed_has_no_standard_error() -> None:
    assert Estimate.of([0.5]) == Estimate(0.5, None)
