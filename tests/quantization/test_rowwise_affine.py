"""What int8, int4 and int2 with qparams a row lose, and where."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from shark_core.quantization.rowwise_affine import encode
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES
from tests.quantization.hard_rows import LARGEST_FP16, hard_rows

BITS = pytest.mark.parametrize("bits", [8, 4, 2])


def snap(rows: Tensor, bits: int) -> Tensor:
    return SCHEMES[f"int{bits}"].snap(rows, NO_PARAMS)


def step(rows: Tensor, bits: int) -> Tensor:
    found = SCHEMES[f"int{bits}"].step(rows, NO_PARAMS)
    assert found is not None
    return found


@BITS
@settings(max_examples=40, deadline=None)
@given(rows=hard_rows())
def test_error_is_at_most_half_a_step(bits: int, rows: Tensor) -> None:
    error = (rows.double() - snap(rows, bits).double()).abs()
    assert (error <= step(rows, bits).double() / 2 * (1 + 2**-11)).all()


@BITS
@settings(max_examples=30, deadline=None)
@given(rows=hard_rows())
def test_error_is_at_most_half_the_stored_scale(bits: int, rows: Tensor) -> None:
    encoded = encode(rows, bits)
    error = (rows.double() - encoded.decode().double()).abs()
    varies = (encoded.codes != encoded.codes[:, :1]).any(dim=1)  # else any scale will do
    bound = encoded.scale.double() / 2 * (1 + 2**-11)
    assert (error <= bound)[varies].all()


@BITS
@settings(max_examples=40, deadline=None)
@given(rows=hard_rows())
def test_step_is_small_next_to_the_range_that_codes_must_span(bits: int, rows: Tensor) -> None:
    low, high = rows.amin(1, keepdim=True).double(), rows.amax(1, keepdim=True).double()
    fp16_steps = torch.maximum(low.abs() * 2**-10, torch.tensor(2.0**-24).double())
    resolution = torch.maximum(torch.tensor(2.0**-24).double(), high.abs() * 2**-23)
    ideal = (high - low + fp16_steps) / (2**bits - 1)
    assert (step(rows, bits).double() <= 2 * ideal * (1 + 2**-10) + resolution).all()


@BITS
@settings(max_examples=30, deadline=None)
@given(rows=hard_rows())
def test_steps_are_positive_and_finite(bits: int, rows: Tensor) -> None:
    steps = step(rows, bits)
    assert steps.shape == (len(rows), 1)
    assert (steps > 0).all()
    assert steps.isfinite().all()


@BITS
@pytest.mark.parametrize(
    "value", [0.0, -0.0, 0.1, -0.1, 1e-8, -3e-7, 1000.3, LARGEST_FP16, -LARGEST_FP16]
)
def test_constant_rows_are_held_to_what_the_codes_resolve(bits: int, value: float) -> None:
    rows = torch.full((1, 16), value)
    step_of_codes = max(2.0**-25, abs(value) * 2**-10 / (2**bits - 1))
    assert (snap(rows, bits) - rows).abs().max() <= step_of_codes


@BITS
def test_a_row_that_is_held_exactly_has_the_finest_step(bits: int) -> None:
    assert step(torch.full((1, 16), 0.5), bits).item() == 2.0**-24


@BITS
def test_a_row_whose_scale_underflows_fp16_is_not_flattened(bits: int) -> None:
    rows = torch.linspace(0, 2e-6, 4).reshape(1, 4)
    assert (snap(rows, bits).diff(dim=1) > 0).all()


@BITS
def test_negative_zero_is_stored_as_zero(bits: int) -> None:
    scheme = SCHEMES[f"int{bits}"]
    signed = torch.tensor([[-0.0, 0.25, 1.0, 0.5], [-1e-9, -0.0, 0.0, 0.0]])
    stored = scheme.quantize(signed, NO_PARAMS)
    again = scheme.quantize(scheme.dequantize(stored, 4, NO_PARAMS), NO_PARAMS)
    assert torch.equal(stored, again)
    assert not torch.signbit(snap(signed, bits)).any()


@BITS
def test_a_range_that_is_small_next_to_its_offset_keeps_its_shape(bits: int) -> None:
    rows = 1000.0 + torch.linspace(0, 1.5, 4).reshape(1, 4)
    assert (snap(rows, bits) - rows).abs().max() <= 0.25
