"""The curvature of a field, against loops over examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import batches_on
from shark_core.quantization.field_curvature import field_curvatures
from tests.quantization.tiered_model import CPU, tiny_model, whole_day


def one_by_one(model: CtrModel, batch: Batch) -> dict[str, np.ndarray]:
    """By the formula, one example and one reading at a time."""
    pooled = {n: e.detach().requires_grad_() for n, e in model.embeddings(batch).items()}
    logits = model.head(pooled, batch.dense)
    gradients = torch.autograd.grad(logits.sum(), list(pooled.values()))
    found = {}
    for name, gradient in zip(pooled, gradients, strict=True):
        read, readings = batch.ids[name], []
        for example in range(len(batch)):
            length = int(read.offsets[example + 1] - read.offsets[example])
            share = gradient[example].numpy().astype(float) / max(length, 1)
            p = float(torch.sigmoid(logits[example].detach()))
            readings += [0.5 * p * (1 - p) * np.outer(share, share)] * length
        found[name] = np.mean(readings, axis=0)
    return found


def test_curvatures_are_those_of_the_formula(tmp_path: Path) -> None:
    config, model = tiny_model(tmp_path)
    (batch,) = batches_on(CPU, whole_day(config), 1000)
    found = field_curvatures(model, [batch])
    for name, expected in one_by_one(model, batch).items():
        assert found[name].numpy() == pytest.approx(expected, rel=1e-4, abs=1e-9), name


def test_parts_add_up_to_the_whole(tmp_path: Path) -> None:
    config, model = tiny_model(tmp_path)
    whole, parts = (
        field_curvatures(model, batches_on(CPU, whole_day(config), size)) for size in (1000, 37)
    )
    for name, curvature in whole.items():
        assert torch.allclose(parts[name], curvature, rtol=1e-4), name


def test_a_field_that_is_never_read_is_as_sharp_as_the_others_on_average(tmp_path: Path) -> None:
    config, model = tiny_model(tmp_path)
    (batch,) = batches_on(CPU, whole_day(config), 1000)
    read = field_curvatures(model, [batch])
    tags = batch.ids["tags"]
    unread = type(tags)(tags.values[:0], torch.zeros_like(tags.offsets))
    found = field_curvatures(
        model, [Batch(batch.label, batch.dense, {**batch.ids, "tags": unread})]
    )
    sharpness = [float(found[name].diagonal().mean()) for name in ("user", "item")]
    assert torch.allclose(found["tags"], torch.eye(4) * sum(sharpness) / 2)
    assert not torch.allclose(found["tags"], read["tags"])


def test_the_model_is_left_in_the_mode_in_which_it_came(tmp_path: Path) -> None:
    config, model = tiny_model(tmp_path)
    model.train()
    field_curvatures(model, batches_on(CPU, whole_day(config), 64))
    assert model.training


def test_a_field_that_the_head_ignores_has_no_curvature(tmp_path: Path) -> None:
    config, model = tiny_model(tmp_path)
    head = model.head

    class WithoutTags(torch.nn.Module):
        def forward(self, pooled: dict[str, torch.Tensor], dense: torch.Tensor) -> torch.Tensor:
            seen: torch.Tensor = head({**pooled, "tags": torch.zeros_like(pooled["tags"])}, dense)
            return seen

    model.head = WithoutTags()
    found = field_curvatures(model, batches_on(CPU, whole_day(config), 64))
    assert torch.equal(found["tags"], torch.zeros(4, 4))
    assert float(found["item"].diagonal().min()) > 0
