"""Scoring in bf16, once it has been seen to say what fp32 says."""

from __future__ import annotations

import math

from shark_core.errors import PermanentError
from shark_core.importance.method import ExampleScores, Method
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel

LARGEST_DEVIATION = 0.05  # of a field's mean score, as a share of the largest of all fields


class CheckedBf16:
    """Scores the first batch in both precisions; raises `PermanentError` where they differ.

    bf16 has 8 bits of mantissa: an example's score may be 1 % off, in either direction, and a mean
    over a batch much less. A field's may differ by 5 % of the largest score.
    """

    def __init__(self, bf16: Method, fp32: Method) -> None:
        self._bf16 = bf16
        self._fp32 = fp32
        self._checked = False

    @property
    def way(self) -> str:
        return self._bf16.way

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> ExampleScores:
        scores = self._bf16.example_scores(model, batch, number)
        if not self._checked:
            _check(scores, self._fp32.example_scores(model, batch, number))
            self._checked = True
        return scores


def _check(bf16: ExampleScores, fp32: ExampleScores) -> None:
    exact, rough = _means(fp32), _means(bf16)
    if not (_finite(exact) or _finite(rough)):
        return  # not bf16's doing: `check_finite` says whose
    off = {name: abs(rough[name] - mean) for name, mean in exact.items()}
    worst = max(off, key=lambda name: (math.isnan(off[name]), off[name], name))
    allowed = LARGEST_DEVIATION * max(abs(mean) for mean in exact.values())
    if not off[worst] <= allowed:
        raise PermanentError(
            "scores in bf16 are not those in fp32",
            expected=f"a difference of at most {allowed:.3g} for every field",
            found=f"{off[worst]:.3g} for field {worst!r}, whose score is {exact[worst]:.3g}",
            where="the first batch that was scored",
            remedy="set importance.precision to fp32",
        )


def _means(scores: ExampleScores) -> dict[str, float]:
    return {name: score.mean().item() for name, score in scores.by_field.items()}


def _finite(means: dict[str, float]) -> bool:
    return all(map(math.isfinite, means.values()))
