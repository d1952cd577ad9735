"""Gradients of what a tier's rows share, against autograd, and what is done with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from shark_core.quantization.table_param_steps import (
    TableParamSteps,
    shared_grid_gradient,
)
from shark_core.quantization.tiers import INT2, PRUNED, TIERS
from tests.quantization.tiered_model import tiered, tiny_model


def straight_through_values(values: Tensor, params: Tensor, bits: int) -> Tensor:
    """`scale·round(clip(u)) + bias`, differentiable as if rounding were not there."""
    scale, bias = params
    clipped = ((values - bias) / scale).clamp(0, 2**bits - 1)
    code = clipped + (clipped.round() - clipped).detach()
    return code * scale + bias


@given(seed=st.integers(0, 2**32 - 1), bits=st.sampled_from([2, 4]))
def test_the_gradient_of_a_shared_grid_is_that_of_autograd(seed: int, bits: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    gradients = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    params = torch.tensor([1.5 / 2**bits, -0.7], dtype=torch.float64, requires_grad=True)
    loss = (straight_through_values(values, params, bits) * gradients).sum()
    (expected,) = torch.autograd.grad(loss, params)
    found = shared_grid_gradient(values, gradients, params.detach(), bits)
    assert torch.allclose(found, expected)


def test_a_few_steps_bring_a_wrong_grid_near_the_rows(tmp_path: Path) -> None:
    """Gradients of the squared error of what is stored."""
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    tables.params["user"]["int2"] = torch.tensor([2.0, 3.0])
    steps, rows = TableParamSteps(tables, rate=0.3), torch.arange(INT2, 50, len(TIERS))
    values = model.embeddings.weight("user").detach()[rows]

    def error() -> Tensor:
        return tables.snapped("user", rows, values) - values

    before = float(error().square().mean())
    for _ in range(200):
        steps.step("user", rows, values, 2 * error())
    assert float(error().square().mean()) < 0.1 * before


@pytest.mark.parametrize(("rate", "moves"), [(0.0, False), (0.01, True)])
def test_a_grid_moves_by_its_rate_in_units_of_its_scale(
    rate: float, moves: bool, tmp_path: Path
) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    before = tables.params["item"]["int2"].clone()
    far_above, ones = torch.full((1, 6), 99.0), torch.ones(1, 6)
    TableParamSteps(tables, rate).step("item", torch.tensor([INT2]), far_above, ones)
    after = tables.params["item"]["int2"]
    assert torch.allclose(before - after, rate * before[0].expand(2), atol=1e-5)
    assert torch.equal(before, after) is not moves


def test_the_fallback_row_is_not_learned(tmp_path: Path) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    TableParamSteps(tables, rate=0.1).step(
        "item", torch.tensor([PRUNED]), torch.ones(1, 6), torch.ones(1, 6)
    )
    assert torch.equal(tables.params["item"]["pruned"], torch.zeros(6))


def test_params_go_back_to_a_kept_state(tmp_path: Path) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    steps, rows = TableParamSteps(tables, rate=0.1), torch.tensor([INT2, INT2])
    kept = {name: params.clone() for name, params in steps.state().items()}
    steps.step("item", rows, torch.full((2, 6), 99.0), torch.ones(2, 6))
    assert not torch.equal(tables.params["item"]["int2"], kept["item.int2"])
    steps.load_state(kept)
    assert torch.equal(tables.params["item"]["int2"], kept["item.int2"])
