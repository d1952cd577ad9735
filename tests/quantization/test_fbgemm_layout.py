"""Packed rows against FBGEMM's and torch's own operators, bit for bit."""

from __future__ import annotations

import fbgemm_gpu  # noqa: F401  registers torch.ops.fbgemm
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from shark_core.quantization.schemes import NO_PARAMS, SCHEMES

BITS = pytest.mark.parametrize("bits", [8, 4, 2])
PREPACK = {
    4: torch.ops.quantized.embedding_bag_4bit_prepack,
    2: torch.ops.quantized.embedding_bag_2bit_prepack,
}
UNPACK = {
    4: torch.ops.quantized.embedding_bag_4bit_unpack,
    2: torch.ops.quantized.embedding_bag_2bit_unpack,
}


def trained_rows(seed: int, eighths: int, size: float) -> Tensor:
    """(200, 8·eighths) normal values around an offset of their own size, as tables have."""
    generator = torch.Generator().manual_seed(seed)
    offset = torch.randn(200, 1, generator=generator)
    return (offset + torch.randn(200, 8 * eighths, generator=generator)) * size


ROWS = st.builds(
    trained_rows, st.integers(0, 2**32), st.integers(1, 9), st.sampled_from([0.02, 0.3, 1.0, 40.0])
)


def well_conditioned(rows: Tensor, bits: int) -> Tensor:
    """The rows whose scale is at least eight times as coarse as fp16 is at their least value."""
    low, high = torch.aminmax(rows, dim=1)
    finest = torch.maximum(low.abs() * 2.0**-10, torch.tensor(2.0 ** (bits - 24)))
    return rows[(high - low) / (2**bits - 1) >= 8 * finest]


@BITS
@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_rows_are_packed_as_fbgemm_packs_them(bits: int, rows: Tensor) -> None:
    chosen = well_conditioned(rows, bits)
    expected = torch.ops.fbgemm.FloatToFusedNBitRowwiseQuantizedSBHalf(chosen, bits)
    assert torch.equal(SCHEMES[f"int{bits}"].quantize(chosen, NO_PARAMS), expected)


@BITS
def test_nearly_all_trained_rows_are_well_conditioned(bits: int) -> None:
    rows = trained_rows(seed=1, eighths=2, size=0.05)
    assert len(well_conditioned(rows, 4)) > 190
    scheme = SCHEMES[f"int{bits}"]
    same = scheme.quantize(rows, NO_PARAMS) == (
        torch.ops.fbgemm.FloatToFusedNBitRowwiseQuantizedSBHalf(rows, bits)
    )
    assert int(same.all(dim=1).sum()) > 190


@BITS
@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_rows_are_unpacked_as_fbgemm_unpacks_them(bits: int, rows: Tensor) -> None:
    packed = SCHEMES[f"int{bits}"].quantize(rows, NO_PARAMS)
    expected = torch.ops.fbgemm.FusedNBitRowwiseQuantizedSBHalfToFloat(packed, bits)
    decoded = SCHEMES[f"int{bits}"].dequantize(packed, rows.shape[1], NO_PARAMS)
    assert torch.equal(decoded, expected)


@pytest.mark.parametrize("bits", [4, 2])
@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_rows_are_packed_and_unpacked_as_torch_does(bits: int, rows: Tensor) -> None:
    chosen, scheme = well_conditioned(rows, bits), SCHEMES[f"int{bits}"]
    packed = scheme.quantize(chosen, NO_PARAMS)
    assert torch.equal(packed, PREPACK[bits](chosen))
    decoded = scheme.dequantize(packed, rows.shape[1], NO_PARAMS)
    assert torch.equal(decoded, UNPACK[bits](packed))
