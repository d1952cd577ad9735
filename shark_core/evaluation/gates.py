"""Gates: the checks that a compressed model must pass before it may become `production`.

A gate looks at the point estimate; the interval beside it tells a reader how sure that is.
"""

from __future__ import annotations

from dataclasses import dataclass

from shark_core.config_sections import Gates
from shark_core.evaluation.comparison import Comparison


@dataclass(frozen=True)
class Gate:
    """One check: what was allowed, what was found, and a sentence for people."""

    name: str
    limit: float
    found: float
    passed: bool
    explanation: str


def check_gates(
    limits: Gates, comparison: Comparison, compression_ratio: float
) -> tuple[Gate, ...]:
    """All gates in a fixed order, failed or not. A value on its limit passes."""
    auc_drop = -comparison.auc_difference.difference
    increase = comparison.log_loss_difference.difference
    return (
        Gate(
            "auc_drop",
            limits.max_auc_drop,
            auc_drop,
            auc_drop <= limits.max_auc_drop,
            f"AUC may fall by at most {limits.max_auc_drop:g}; "
            f"ΔAUC (95 % interval) is {comparison.auc_difference}",
        ),
        Gate(
            "log_loss_increase",
            limits.max_log_loss_increase,
            increase,
            increase <= limits.max_log_loss_increase,
            f"log-loss may rise by at most {limits.max_log_loss_increase:g}; "
            f"Δlog-loss (95 % interval) is {comparison.log_loss_difference}",
        ),
        Gate(
            "compression_ratio",
            limits.min_compression_ratio,
            compression_ratio,
            compression_ratio >= limits.min_compression_ratio,
            f"embedding bytes must shrink at least {limits.min_compression_ratio:g} ×; "
            f"they shrink {compression_ratio:.2f} ×",
        ),
    )
