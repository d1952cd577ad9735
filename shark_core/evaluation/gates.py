"""Gates: the checks that a compressed model must pass before it may become `production`.

Quality is held by non-inferiority: the bad end of a difference's 95 % interval must be within the
limit, so that a day with few held-out examples does not pass by luck.

    ΔAUC        ────[══════•══════]──────────     passes:       the low end is above −limit
            ──[══════•══════]────────────────     not shown:    the mean is, the low end is not
      [══════•══════]────────────────────────     worse:        the mean is below −limit
                 −limit               0

The interval's two ends leave out 2.5 % each: a model that is worse than the limit passes one gate
in 40 at most. A model must pass all of them, so that more gates never make passing easier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shark_core.config_sections import Gates
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.evaluation.slices import SliceComparison

LEAST_OF_A_LABEL = 50  # in a slice that is gated: DeLong's interval is a large-sample one


@dataclass(frozen=True)
class Gate:
    """One check: what was allowed, what was found, and a sentence for people.

    `found` is what is held against the limit: of a difference the bad end of its `interval`, as a
    loss. `interval` is None where the figure is exact.
    """

    name: str
    limit: float
    found: float
    passed: bool
    explanation: str
    interval: PairedDifference | None = None


def check_gates(
    limits: Gates,
    comparison: Comparison,
    slices: Iterable[SliceComparison],
    compression_ratio: float,
) -> tuple[Gate, ...]:
    """All gates in a fixed order, failed or not. A value on its limit passes."""
    return (
        _auc_gate("auc_drop", "AUC", limits.max_auc_drop, comparison.auc_difference),
        _log_loss_gate(limits.max_log_loss_increase, comparison.log_loss_difference),
        *_calibration_gate(limits.max_calibration_shift, comparison.calibration_difference),
        *_slice_gates(limits, slices),
        _ratio_gate(limits.min_compression_ratio, compression_ratio),
    )


def _slice_gates(limits: Gates, slices: Iterable[SliceComparison]) -> Iterator[Gate]:
    """One for each slice that is large enough, where a limit is set."""
    limit = limits.max_slice_auc_drop
    for found in slices:
        difference = found.auc_difference
        if limit is not None and difference is not None and _is_large(found, limits):
            yield _auc_gate(f"auc_drop of {found.name}", f"AUC of {found.name}", limit, difference)


def _is_large(found: SliceComparison, limits: Gates) -> bool:
    rarer_label = min(found.positives, found.negatives)
    return found.examples >= limits.min_slice_examples and rarer_label >= LEAST_OF_A_LABEL


def _auc_gate(name: str, what: str, limit: float, difference: PairedDifference) -> Gate:
    return _gate(
        name,
        limit,
        difference,
        found=-difference.low,
        mean=-difference.difference,
        rule=f"{what} may fall by at most {limit:g} at the low end of the 95 % interval",
    )


def _log_loss_gate(limit: float, difference: PairedDifference) -> Gate:
    return _gate(
        "log_loss_increase",
        limit,
        difference,
        found=difference.high,
        mean=difference.difference,
        rule=f"log-loss may rise by at most {limit:g} at the high end of the 95 % interval",
    )


def _calibration_gate(limit: float | None, difference: PairedDifference) -> Iterator[Gate]:
    if limit is not None:
        yield _gate(
            "calibration_shift",
            limit,
            difference,
            found=max(-difference.low, difference.high),
            mean=abs(difference.difference),
            rule=f"calibration may shift by at most {limit:g} at either end of the 95 % interval",
        )


def _gate(
    name: str, limit: float, interval: PairedDifference, *, found: float, mean: float, rule: str
) -> Gate:
    passed = found <= limit
    unsure = "" if passed or mean > limit else ": the mean is within the limit, its interval is not"
    explanation = f"{rule}; it changes by {interval}{unsure}"
    return Gate(name, limit, found, passed, explanation, interval)


def _ratio_gate(limit: float, ratio: float) -> Gate:
    return Gate(
        "compression_ratio",
        limit,
        ratio,
        ratio >= limit,
        f"embedding bytes must shrink at least {limit:g} ×; they shrink {ratio:.2f} ×",
    )
