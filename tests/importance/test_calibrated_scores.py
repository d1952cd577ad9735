"""Scores of calibrated logits: how sure a model is of itself does not change them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shark_core.config_sections import Importance
from shark_core.importance.score_sums import ScoreSums
from shark_core.importance.scoring import (
    calibrations,
    importance_method,
    mean_embeddings,
    score_sums,
)
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from tests.importance.small_models import batches, scored, setting

METHODS = ("logit_taylor", "permutation")


class TooSure(nn.Module):
    """`factor·z + shift` of a head's logit z."""

    def __init__(self, head: nn.Module, factor: float, shift: float) -> None:
        super().__init__()
        self.head, self.factor, self.shift = head, factor, shift

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        z: Tensor = self.head(pooled, dense)
        return self.factor * z + self.shift


@torch.no_grad()
def following(model: CtrModel, parts: list[Batch]) -> list[Batch]:
    """The examples with labels that follow the model's logits."""
    generator = torch.Generator().manual_seed(1)
    model.eval()
    chances = [torch.sigmoid(model(batch)) for batch in parts]
    return [
        replace(batch, label=torch.bernoulli(chance, generator=generator))
        for batch, chance in zip(parts, chances, strict=True)
    ]


def calibrated(model: CtrModel, parts: list[Batch], settings: Importance) -> ScoreSums:
    means, fitted = mean_embeddings(model, parts).means(), calibrations(model, parts)
    return score_sums(model, parts, importance_method(settings, means, 0, calibrations=fitted))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("factor", "shift"), [(4.0, 0.0), (1.0, 2.0), (0.3, -1.0)])
def test_a_model_that_is_surer_or_shifted_has_the_same_scores(
    tmp_path: Path, method: str, factor: float, shift: float
) -> None:
    config, model = setting(tmp_path, rows=3000)
    parts, settings = batches(config, model, 500), Importance(method=method)  # type: ignore[arg-type]
    parts = following(model, parts)
    before = calibrated(model, parts, settings)
    model.head = TooSure(model.head, factor, shift)
    after = calibrated(model, parts, settings)
    for name in model.kept:
        assert after.score(name) == pytest.approx(before.score(name), rel=0.02, abs=1e-5)
    plain = scored(model, parts, method)
    assert any(plain.score(n) != pytest.approx(before.score(n), rel=0.1) for n in model.kept)


@pytest.mark.parametrize(
    "settings", [Importance(calibrate=False), Importance(method="f_permutation")]
)
def test_without_calibration_logits_are_taken_as_they_are(
    tmp_path: Path, settings: Importance
) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    plain = scored(model, parts, settings.method)
    assert calibrated(model, parts, settings).sums == plain.sums


def test_scores_of_different_calibrations_are_not_merged_unseen(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    means = mean_embeddings(model, parts).means()
    fitted, settings = calibrations(model, parts), Importance()
    ways = [importance_method(settings, means, 0, calibrations=c).way for c in (fitted, None)]
    assert ways[0] != ways[1]


def test_calibration_is_fitted_in_eval_mode_and_leaves_the_mode(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    expected = calibrations(model, parts)
    model.train()
    assert calibrations(model, parts) == expected
    assert model.training
    assert torch.is_grad_enabled()
