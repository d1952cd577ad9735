from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.rowwise_affine import encode
from shark_core.quantization.schemes import SCHEMES, refuse_unstorable
from tests.quantization.hard_rows import hard_rows

SCHEME_NAMES = sorted(SCHEMES)


def trained_rows(count: int = 500, dim: int = 16) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(7)) * 0.05


def fbgemm_reference(row: np.ndarray) -> bytes:
    """FBGEMM's FloatToFusedNBitRowwiseQuantizedSBHalf for 8 bits, one row, as its C++ reads."""
    bias = np.float16(row.min())
    scale = np.float16((row.max() - np.float32(bias)) / np.float32(255))
    inverse = np.float32(1) / np.float32(scale)
    codes = np.rint((row - np.float32(bias)) * inverse).clip(0, 255).astype(np.uint8)
    return bytes(codes.tobytes() + scale.tobytes() + bias.tobytes())


@pytest.mark.parametrize("name", SCHEME_NAMES)
@settings(max_examples=60, deadline=None)
@given(rows=hard_rows())
def test_quantizing_decoded_rows_gives_the_same_bytes(name: str, rows: Tensor) -> None:
    scheme = SCHEMES[name]
    packed = scheme.quantize(rows)
    again = scheme.quantize(scheme.dequantize(packed, rows.shape[1]))
    assert torch.equal(again, packed)


@settings(max_examples=100, deadline=None)
@given(rows=hard_rows())
def test_int8_error_is_at_most_half_a_scale_step(rows: Tensor) -> None:
    encoded = encode(rows)
    error = (rows.double() - encoded.decode().double()).abs()
    assert (error <= encoded.scale.double() / 2 * (1 + 2**-12)).all()


@settings(max_examples=100, deadline=None)
@given(rows=hard_rows())
def test_int8_error_is_small_next_to_the_range_that_codes_must_span(rows: Tensor) -> None:
    low, high = rows.amin(1, keepdim=True).double(), rows.amax(1, keepdim=True).double()
    fp16_below = low - torch.maximum(low.abs() * 2**-10, torch.tensor(2.0**-24).double())
    resolution = torch.maximum(torch.tensor(2.0**-25).double(), high.abs() * 2**-23)
    error = (rows.double() - SCHEMES["int8"].snap(rows).double()).abs()
    assert (error <= (high - fp16_below) / 255 + resolution).all()


@settings(max_examples=60, deadline=None)
@given(rows=hard_rows())
def test_int8_keeps_the_order_of_values_within_a_row(rows: Tensor) -> None:
    ordered = rows.sort(dim=1).values
    decoded = SCHEMES["int8"].snap(ordered)
    assert (decoded.diff(dim=1) >= 0).all()


def test_int8_follows_fbgemm_bit_for_bit_on_trained_rows() -> None:
    rows = trained_rows()
    expected = b"".join(fbgemm_reference(row) for row in rows.numpy())
    assert SCHEMES["int8"].quantize(rows).numpy().tobytes() == expected


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 0.1, -0.1, 1e-8, -3e-7, 1000.3, LARGEST := 65504.0, -LARGEST]
)
def test_int8_holds_constant_rows_to_fp32s_or_fp16s_finest_step(value: float) -> None:
    rows = torch.full((1, 16), value)
    step = max(2.0**-24, abs(value) * 2**-17)
    assert (SCHEMES["int8"].snap(rows) - rows).abs().max() <= step


def test_int8_does_not_flatten_a_row_whose_scale_underflows_fp16() -> None:
    rows = torch.linspace(0, 2e-6, 16).reshape(1, 16)
    assert (SCHEMES["int8"].snap(rows).diff(dim=1) > 0).all()


@settings(max_examples=60, deadline=None)
@given(rows=hard_rows())
def test_fp16_error_is_at_most_half_a_unit_in_the_last_place(rows: Tensor) -> None:
    error = (rows.double() - SCHEMES["fp16"].snap(rows).double()).abs()
    bound = torch.maximum(rows.abs().double() * 2.0**-11, torch.tensor(2.0**-25).double())
    assert (error <= bound).all()


@pytest.mark.parametrize("name", SCHEME_NAMES)
@settings(max_examples=20, deadline=None)
@given(rows=hard_rows())
def test_snap_is_dequantize_of_quantize(name: str, rows: Tensor) -> None:
    scheme = SCHEMES[name]
    decoded = scheme.dequantize(scheme.quantize(rows), rows.shape[1])
    assert torch.equal(scheme.snap(rows), decoded)


@pytest.mark.parametrize("name", SCHEME_NAMES)
@given(dim=st.integers(1, 200))
@settings(max_examples=20, deadline=None)
def test_packed_rows_have_the_announced_width(name: str, dim: int) -> None:
    packed = SCHEMES[name].quantize(trained_rows(3, dim))
    assert packed.shape == (3, SCHEMES[name].row_bytes(dim))
    assert packed.dtype == torch.uint8


def test_fp32_is_exact_and_its_bytes_are_little_endian() -> None:
    rows = trained_rows(2, 3)
    packed = SCHEMES["fp32"].quantize(rows)
    assert packed.numpy().tobytes() == rows.numpy().astype("<f4").tobytes()
    assert torch.equal(SCHEMES["fp32"].dequantize(packed, 3), rows)


@pytest.mark.parametrize("name", SCHEME_NAMES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite_are_refused_with_field_and_row(name: str, value: float) -> None:
    rows = trained_rows(4)
    rows[2, 5] = value
    with pytest.raises(DataError, match=r"(?s)at dimension 5.*field 'user_id', row 12"):
        refuse_unstorable(rows, SCHEMES[name], "user_id", torch.tensor([10, 11, 12, 13]))


@pytest.mark.parametrize("name", ["fp16", "int8"])
def test_values_beyond_fp16_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="±65504"):
        refuse_unstorable(torch.tensor([[65505.0]]), SCHEMES[name], "f", torch.tensor([0]))
