"""Every method's scores of one model's fields, whole and of two halves of the examples.

Two truths, for the two losses that methods look at: with logits as they are, and calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import spearmanr

from shark_core.config_sections import Importance
from shark_core.importance.method import Method
from shark_core.importance.score_sums import ScoreSums
from shark_core.importance.scoring import (
    calibrations,
    importance_method,
    mean_embeddings,
    score_sums,
)
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel

SEED = 0  # of the donors
PLAIN, CALIBRATED = "mean_replacement", "mean_replacement_calibrated"  # the truths
METHODS = {
    "f_permutation": Importance(method="f_permutation", calibrate=False),
    "logit_taylor": Importance(method="logit_taylor"),
    "logit_taylor_uncalibrated": Importance(method="logit_taylor", calibrate=False),
    "logit_taylor_donors": Importance(method="logit_taylor", replacement="donors", repeats=4),
    "permutation": Importance(
        method="permutation", replacement="donors", repeats=5, calibrate=False
    ),
    PLAIN: Importance(method="permutation", replacement="mean", calibrate=False),
    CALIBRATED: Importance(method="permutation", replacement="mean"),
}


def truth_of(method: str) -> str:
    """True mean-replacement by the loss that the method looks at."""
    return CALIBRATED if METHODS[method].calibrate else PLAIN


@dataclass(frozen=True)
class Scores:
    """`by_field` in log-loss per example; `halves`: of every second batch, and of the others."""

    by_field: Mapping[str, float]
    standard_errors: Mapping[str, float]
    halves: tuple[Mapping[str, float], Mapping[str, float]]

    @property
    def ranks(self) -> dict[str, int]:
        """From below: the least important field has rank 1. Ties in the fields' order."""
        ordered = sorted(self.by_field, key=lambda name: self.by_field[name])
        return {name: rank for rank, name in enumerate(ordered, start=1)}

    @property
    def split_half(self) -> float:
        """Spearman between the halves: what the sample's noise leaves of the order."""
        return spearman(*self.halves)


def spearman(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    """Rank correlation over the fields of both."""
    return float(spearmanr(list(left.values()), [right[name] for name in left]).statistic)


def all_scores(model: CtrModel, batches: Sequence[Batch]) -> dict[str, Scores]:
    """By method; `batches` at least two."""
    means = mean_embeddings(model, batches).means()
    fitted = calibrations(model, batches)
    return {
        name: _scores(model, batches, importance_method(settings, means, SEED, None, fitted))
        for name, settings in METHODS.items()
    }


def _scores(model: CtrModel, batches: Sequence[Batch], method: Method) -> Scores:
    even = score_sums(model, batches[::2], method)
    odd = score_sums(model, batches[1::2], method, first_batch=len(batches))
    whole = even.merge(odd)
    return Scores(
        by_field=_by_field(whole),
        standard_errors={name: whole.standard_error(name) for name in whole.sums},
        halves=(_by_field(even), _by_field(odd)),
    )


def _by_field(sums: ScoreSums) -> dict[str, float]:
    return {name: sums.score(name) for name in sums.sums}
