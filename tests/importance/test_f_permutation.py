"""F-Permutation against its definition, one example at a time, and by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.head_factory import HEADS
from tests.importance.small_models import batches, by_hand, scored, setting


def by_definition(model: CtrModel, examples: list[Batch], name: str) -> float:
    """`mean_x | Σ_d ∂ℓ(x)/∂e_d · (ē_d − e_d(x)) |` from batches of one example."""
    pooled = [model.embeddings(example)[name].detach() for example in examples]
    mean = torch.cat(pooled).mean(dim=0)
    scores: list[float] = []
    for example in examples:
        inputs = {k: v.detach() for k, v in model.embeddings(example).items()}
        inputs[name].requires_grad_()
        logit = model.head(inputs, example.dense)
        loss = F.binary_cross_entropy_with_logits(logit, example.label)
        (gradient,) = torch.autograd.grad(loss, inputs[name])
        scores.append((gradient * (mean - inputs[name])).sum().abs().item())
    return sum(scores) / len(scores)


@pytest.mark.parametrize("head", HEADS)
def test_one_pass_equals_the_definition(tmp_path: Path, head: str) -> None:
    config, model = setting(tmp_path, head)
    found = scored(model, batches(config, model, 32), "f_permutation")
    one_by_one = batches(config, model, 1)
    for name in model.kept:
        assert found.score(name) == pytest.approx(by_definition(model, one_by_one, name), rel=1e-4)
        assert found.score(name) > 1e-4


def test_a_hand_computed_model(tmp_path: Path) -> None:
    model, batch = by_hand(tmp_path)
    sums = scored(model, [batch], "f_permutation")
    # ∂ℓ/∂e = σ(z) − y: −0.5 at z = 0, y = 1 and σ(2) = 0.880797 at z = 2, y = 0
    assert sums.score("f") == pytest.approx((0.5 + 0.880797) / 2)
    # sample variance of two numbers: half their squared difference; over n = 2
    assert sums.standard_error("f") == pytest.approx((0.380797**2 / 2 / 2) ** 0.5)
