"""The compiled loops against the torch functions that say what they do."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from shark_core.quantization import affine_cpu, affine_torch
from shark_core.quantization.scheme import NO_PARAMS
from shark_core.quantization.shared_affine import shared_params
from tests.quantization.hard_rows import hard_rows

GRIDS = pytest.mark.parametrize(
    ("bits", "params"),
    [
        (8, NO_PARAMS),
        (4, NO_PARAMS),
        (2, NO_PARAMS),
        (4, shared_params(0.013, -0.1)),
        (2, shared_params(31.7, -40.0)),
    ],
    ids=["int8", "int4", "int2", "int4_shared", "int2_shared"],
)


@GRIDS
@settings(max_examples=40, deadline=None)
@given(rows=hard_rows())
def test_the_loops_write_the_bytes_that_torch_writes(
    bits: int, params: Tensor, rows: Tensor
) -> None:
    expected = affine_torch.quantize(rows, params, bits)
    assert torch.equal(affine_cpu.quantize(rows, params, bits), expected)


@GRIDS
@settings(max_examples=25, deadline=None)
@given(rows=hard_rows())
def test_the_loops_read_and_snap_as_torch_does(bits: int, params: Tensor, rows: Tensor) -> None:
    packed, dim = affine_torch.quantize(rows, params, bits), rows.shape[1]
    expected = affine_torch.dequantize(packed, dim, params, bits)
    assert torch.equal(affine_cpu.dequantize(packed, dim, params, bits), expected)
    assert torch.equal(affine_cpu.snap(rows, params, bits), expected)


@pytest.mark.parametrize("bits", [8, 4, 2])
@settings(max_examples=25, deadline=None)
@given(rows=hard_rows())
def test_the_loops_find_the_steps_that_torch_finds(bits: int, rows: Tensor) -> None:
    assert torch.equal(affine_cpu.step(rows, bits), affine_torch.step(rows, bits))


@pytest.mark.parametrize("bits", [8, 4, 2])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), dim=st.integers(1, 33))
def test_any_stored_qparams_are_read_as_torch_reads_them(bits: int, seed: int, dim: int) -> None:
    width = -(-dim * bits // 8) + 4
    packed = torch.randint(0, 256, (64, width), generator=torch.Generator().manual_seed(seed))
    packed = packed.to(torch.uint8)
    packed[:, [-3, -1]] &= 0b1011_1111  # no infinity and no NaN
    expected = affine_torch.dequantize(packed, dim, NO_PARAMS, bits)
    assert torch.equal(affine_cpu.dequantize(packed, dim, NO_PARAMS, bits), expected)


@GRIDS
def test_rows_divided_among_threads_are_the_same(
    bits: int, params: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = torch.randn(1001, 5, generator=torch.Generator().manual_seed(2))
    whole = affine_cpu.quantize(rows, params, bits)
    monkeypatch.setattr(affine_cpu, "VALUES_PER_THREAD", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert torch.equal(affine_cpu.quantize(rows, params, bits), whole)
    assert torch.equal(
        affine_cpu.dequantize(whole, 5, params, bits), affine_cpu.snap(rows, params, bits)
    )
