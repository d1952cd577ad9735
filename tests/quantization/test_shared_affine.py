"""One scale and bias for all rows of a tier: the grid, and how it is fitted."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from shark_core.quantization.schemes import SCHEMES
from shark_core.quantization.shared_affine import shared_params

BITS = pytest.mark.parametrize("bits", [4, 2])


def normal(seed: int, count: int = 400, dim: int = 16) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def weighted_error(rows: Tensor, weights: Tensor, params: Tensor, bits: int) -> float:
    stored = SCHEMES[f"int{bits}_shared"].snap(rows, params)
    return float(((stored - rows).double().square().sum(dim=1) * weights).sum())


def min_max(rows: Tensor, bits: int) -> Tensor:
    low, high = torch.aminmax(rows)
    return shared_params((high - low) / (2**bits - 1), low)


@BITS
@settings(max_examples=60, deadline=None)
@given(scale=st.floats(1e-12, 1e12), bias=st.floats(-1e12, 1e12))
def test_every_code_decodes_to_a_value_that_encodes_to_it(
    bits: int, scale: float, bias: float
) -> None:
    scheme, params = SCHEMES[f"int{bits}_shared"], shared_params(scale, bias)
    packed = torch.arange(256, dtype=torch.uint8).reshape(64, 4)
    dim = 4 * 8 // bits
    decoded = scheme.dequantize(packed, dim, params)
    assert torch.equal(scheme.quantize(decoded, params), packed)


@settings(max_examples=60, deadline=None)
@given(scale=st.floats(2.0**-20, 1e12), bias=st.floats(-1, 1))
def test_a_scale_that_fp32_resolves_stays_within_16_bits_of_itself(
    scale: float, bias: float
) -> None:
    stored = shared_params(max(scale, abs(bias) * 2.0**-15), bias)
    assert stored[0].item() == pytest.approx(max(scale, abs(bias) * 2.0**-15), rel=2.0**-16)
    assert stored[1].item() == torch.tensor(bias).item()


@BITS
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.floats(1e-3, 1e3))
def test_error_is_at_most_half_a_step_inside_the_grid(bits: int, seed: int, size: float) -> None:
    scheme, rows = SCHEMES[f"int{bits}_shared"], normal(seed) * size
    params = scheme.fit(rows, torch.ones(len(rows)))
    step = scheme.step(rows, params)
    assert step is not None
    assert step.shape == (len(rows), 1)
    ends = params[1], params[1] + params[0] * (2**bits - 1)
    inside = (rows >= ends[0]) & (rows <= ends[1])
    error = (scheme.snap(rows, params) - rows).abs()
    assert (error <= step / 2 * (1 + 1e-5))[inside].all()


@BITS
def test_values_beyond_the_grid_go_to_its_ends(bits: int) -> None:
    scheme, params = SCHEMES[f"int{bits}_shared"], shared_params(0.5, -1.0)
    ends = scheme.snap(torch.tensor([[-1e30, 1e30]]), params)
    assert ends.tolist() == [[-1.0, -1.0 + 0.5 * (2**bits - 1)]]


@BITS
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    outlier=st.sampled_from([1.0, 8.0, 60.0]),
    skewed=st.booleans(),
)
def test_the_fit_is_not_worse_than_the_whole_range(
    bits: int, seed: int, outlier: float, skewed: bool
) -> None:
    rows = normal(seed)
    rows = rows.exp() if skewed else rows
    rows[0, 0] *= outlier
    weights = normal(seed + 1, 400, 1).flatten().exp()
    params = SCHEMES[f"int{bits}_shared"].fit(rows, weights)
    whole = weighted_error(rows, weights, min_max(rows, bits), bits)
    assert weighted_error(rows, weights, params, bits) <= whole * (1 + 1e-3)


def test_on_normal_values_the_fit_reaches_the_best_equal_steps() -> None:
    """Max, "Quantizing for minimum distortion" (1960), table II: 0.1188 and 0.01154."""
    rows = normal(3, 20_000)
    for bits, least in ((2, 0.1188), (4, 0.01154)):
        params = SCHEMES[f"int{bits}_shared"].fit(rows, torch.ones(len(rows)))
        error = weighted_error(rows, torch.ones(len(rows)), params, bits) / rows.numel()
        assert error == pytest.approx(least, rel=0.02)


@BITS
def test_the_fit_follows_the_rows_that_matter(bits: int) -> None:
    rows = torch.cat([normal(1) * 0.1 + 5, normal(2)])
    weights = torch.cat([torch.full((400,), 1e6), torch.ones(400)])
    scheme = SCHEMES[f"int{bits}_shared"]
    weighted, even = scheme.fit(rows, weights), scheme.fit(rows, torch.ones(800))
    first = torch.ones(400)
    assert weighted_error(rows[:400], first, weighted, bits) < 0.1 * (
        weighted_error(rows[:400], first, even, bits)
    )


@BITS
@pytest.mark.parametrize("value", [0.0, -0.3, 1e-9, 7e4])
def test_a_table_of_one_value_is_held(bits: int, value: float) -> None:
    rows = torch.full((5, 3), value)
    scheme = SCHEMES[f"int{bits}_shared"]
    params = scheme.fit(rows, torch.zeros(5))
    assert scheme.snap(rows, params).tolist() == rows.tolist()
    assert params[0] > 0
