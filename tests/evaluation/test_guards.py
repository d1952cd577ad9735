"""Guards: which end of an interval is held against the limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shark_core.config_sections import Gates
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.guards import Demand, check_guards
from shark_core.evaluation.paired_difference import PairedDifference
from tests.report.examples import example_report

LIMITS = Gates(max_auc_drop=0.002, max_log_loss_increase=0.002)
NONE = PairedDifference(0.0, 0.0)


def comparison(auc: PairedDifference, log_loss: PairedDifference) -> Comparison:
    found = example_report().comparison
    return replace(found, auc_difference=auc, log_loss_difference=log_loss)


@pytest.mark.parametrize(
    ("loss", "standard_error", "no_worse", "not_broken"),
    [
        (0.0, 0.0001, True, True),
        (0.0, 0.01, False, True),  # nothing is shown: not enough to go, no alarm either
        (0.0015, 0.001, False, True),
        (0.01, 0.001, False, False),
    ],
)
def test_a_rollout_needs_proof_and_a_watch_needs_proof_of_the_contrary(
    loss: float, standard_error: float, no_worse: bool, not_broken: bool
) -> None:
    demands: dict[Demand, bool] = {"no_worse": no_worse, "not_broken": not_broken}
    for demand, expected in demands.items():
        by_auc = comparison(PairedDifference(-loss, standard_error), NONE)
        by_loss = comparison(NONE, PairedDifference(loss, standard_error))
        assert [guard.passed for guard in check_guards(LIMITS, by_auc, demand)] == [expected, True]
        assert [guard.passed for guard in check_guards(LIMITS, by_loss, demand)] == [True, expected]
