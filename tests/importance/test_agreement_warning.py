"""Whether scores are trusted, and what whoever reads the plan is told to change."""

from __future__ import annotations

import pytest

from shark_core.config_sections import Validation
from shark_core.errors import GateFailed
from shark_core.importance.agreement import WayOfScoring, warning_on
from tests.importance.test_agreement import FAST, agreement


def test_scores_are_trusted_from_the_limit_on() -> None:
    found = agreement().spearman
    assert found == pytest.approx(0.4)  # 1 − 6·(0 + 4 + 1 + 1) / (4·15)
    assert agreement(min_spearman=found).warning is None
    assert agreement(min_spearman=found + 1e-9).warning is not None


def test_a_warning_tells_the_figures_and_what_to_do() -> None:
    warning = agreement().warning
    assert warning is not None
    for said in ("Spearman 0.400", "0.9 is asked", "12,345 examples", "50% of the top 2"):
        assert said in warning
    assert "importance.method" in warning


@pytest.mark.parametrize(
    ("scoring", "remedy"),
    [
        (FAST, "set importance.method to permutation,"),
        (WayOfScoring("logit_taylor", "donors", "bf16"), "set importance.replacement to mean,"),
        (WayOfScoring("permutation", "donors", "fp32"), "set importance.replacement to mean,"),
        (WayOfScoring("f_permutation", "mean", "fp32"), "set importance.method to permutation,"),
        (
            WayOfScoring("f_permutation", "donors", "fp32"),
            "set importance.replacement to mean and importance.method to permutation,",
        ),
        (WayOfScoring("permutation", "mean", "bf16"), "set importance.precision to fp32,"),
    ],
)
def test_the_remedy_is_what_keeps_the_scores_from_the_truth(
    scoring: WayOfScoring, remedy: str
) -> None:
    assert remedy in str(agreement(scoring=scoring).warning)


def test_scores_made_as_the_truth_is_have_nothing_to_change() -> None:
    assert FAST.truth.nearer_the_truth == ""


def test_the_limit_of_the_config_counts_not_the_one_it_was_made_under() -> None:
    lax, strict = agreement(min_spearman=0.0), agreement(min_spearman=0.9)
    assert "where 0.5 is asked" in str(warning_on(lax, Validation(min_spearman=0.5), "here"))
    assert warning_on(strict, Validation(min_spearman=0.3), "here") is None


def test_disagreement_stops_where_the_config_says_so() -> None:
    checks = Validation(min_spearman=0.5, on_disagreement="stop")
    with pytest.raises(GateFailed, match=r"Spearman 0\.5 at least \(importance\.validation\)"):
        warning_on(agreement(), checks, "here")


def test_scores_that_agree_enough_stop_nothing() -> None:
    checks = Validation(min_spearman=0.3, on_disagreement="stop")
    assert warning_on(agreement(), checks, "here") is None
