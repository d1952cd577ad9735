"""Gradients of what a tier's rows share, against autograd, and what is done with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from shark_core.quantization.rounding import snap_rows
from shark_core.quantization.table_param_steps import (
    TableParamSteps,
    fallback_row_gradient,
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


def test_the_gradient_of_the_fallback_row_is_the_sum_over_its_readers() -> None:
    gradients = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    found = fallback_row_gradient(torch.zeros(2, 2), gradients, torch.zeros(2), 0)
    assert found.tolist() == [4.0, 1.0]


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
def test_params_move_by_their_rate(rate: float, moves: bool, tmp_path: Path) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    before = tables.params["item"]["pruned"].clone()
    rows = torch.tensor([PRUNED])
    TableParamSteps(tables, rate).step("item", rows, torch.zeros(1, 6), torch.ones(1, 6))
    after = tables.params["item"]["pruned"]
    assert torch.allclose(before - after, torch.full((6,), rate))
    assert torch.equal(before, after) is not moves


def test_params_go_back_to_a_kept_state(tmp_path: Path) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    steps, rows = TableParamSteps(tables, rate=0.1), torch.tensor([INT2, PRUNED])
    kept = {name: params.clone() for name, params in steps.state().items()}
    steps.step("item", rows, torch.ones(2, 6), torch.ones(2, 6))
    steps.load_state(kept)
    table = model.embeddings.weight("item")
    snap_rows(tables, "item", table, rows)
    assert torch.equal(table[PRUNED], kept["item.pruned"])
