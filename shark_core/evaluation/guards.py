"""Guards: whether one served model may stand in for another, judged on the same traffic.

no_worse    before a rollout: shown to be no worse, by the bad end of the 95 % interval
not_broken  after it: not shown to be worse, by the good end, so that little traffic is no alarm
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shark_core.config_sections import Gates
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.paired_difference import PairedDifference

Demand = Literal["no_worse", "not_broken"]
# Of the loss that an interval leaves possible, the end that is held against the limit.
END: dict[Demand, Callable[[float, float], float]] = {"no_worse": max, "not_broken": min}


@dataclass(frozen=True)
class Guard:
    """`loss`: what is held against the limit. A value on its limit passes."""

    name: str
    limit: float
    loss: float
    difference: PairedDifference

    @property
    def passed(self) -> bool:
        return self.loss <= self.limit

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        return f"{verdict}: {self.difference}, at most {self.limit:g} may be lost"


def check_guards(limits: Gates, comparison: Comparison, demand: Demand) -> tuple[Guard, ...]:
    """AUC and log-loss of `compressed` against `baseline`: the new model against the old one."""
    auc, log_loss = comparison.auc_difference, comparison.log_loss_difference
    end = END[demand]
    return (
        Guard("auc_drop", limits.max_auc_drop, end(-auc.low, -auc.high), auc),
        Guard(
            "log_loss_increase",
            limits.max_log_loss_increase,
            end(log_loss.low, log_loss.high),
            log_loss,
        ),
    )
