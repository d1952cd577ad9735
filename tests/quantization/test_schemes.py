from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.scheme import Scheme
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES, refuse_unstorable
from tests.quantization.hard_rows import LARGEST_FP16, hard_rows

ALL = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
OF_FP16_RANGE = ["fp16", "int8", "int4", "int2"]


def trained_rows(count: int = 500, dim: int = 16) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(7)) * 0.05


def fitted(scheme: Scheme, rows: Tensor) -> Tensor:
    return scheme.fit(rows, torch.ones(len(rows)))


def test_each_tier_has_a_scheme_of_its_own_name() -> None:
    assert {scheme.tier for scheme in SCHEMES.values()} <= set(SCHEMES)
    assert all(SCHEMES[scheme.tier].tier == scheme.tier for scheme in SCHEMES.values())


@ALL
@settings(max_examples=25, deadline=None)
@given(rows=hard_rows())
def test_quantizing_decoded_rows_gives_the_same_bytes(scheme: Scheme, rows: Tensor) -> None:
    params = fitted(scheme, rows)
    packed = scheme.quantize(rows, params)
    again = scheme.quantize(scheme.dequantize(packed, rows.shape[1], params), params)
    assert torch.equal(again, packed)


@ALL
@settings(max_examples=15, deadline=None)
@given(rows=hard_rows())
def test_snap_is_dequantize_of_quantize(scheme: Scheme, rows: Tensor) -> None:
    params = fitted(scheme, rows)
    decoded = scheme.dequantize(scheme.quantize(rows, params), rows.shape[1], params)
    assert torch.equal(scheme.snap(rows, params), decoded)


@ALL
@settings(max_examples=15, deadline=None)
@given(rows=hard_rows())
def test_the_order_of_values_within_a_row_is_kept(scheme: Scheme, rows: Tensor) -> None:
    ordered = rows.sort(dim=1).values
    params = NO_PARAMS if scheme.name == "pruned" else fitted(scheme, ordered)
    if scheme.name == "pruned":
        params = fitted(scheme, rows).sort().values
    assert (scheme.snap(ordered, params).diff(dim=1) >= 0).all()


@ALL
@given(dim=st.integers(1, 200))
@settings(max_examples=15, deadline=None)
def test_rows_and_params_have_the_announced_sizes(scheme: Scheme, dim: int) -> None:
    rows = trained_rows(3, dim)
    params = fitted(scheme, rows)
    assert params.shape == (scheme.param_count(dim),)
    assert params.dtype == torch.float32
    packed = scheme.quantize(rows, params)
    assert packed.shape == (3, scheme.row_bytes(dim))
    assert packed.dtype == torch.uint8


def test_bytes_of_a_row_of_dimension_17() -> None:
    widths = {name: scheme.row_bytes(17) for name, scheme in SCHEMES.items()}
    assert widths == {
        "fp32": 68,
        "fp16": 34,
        "int8": 21,
        "int4": 13,
        "int2": 9,
        "int4_shared": 9,
        "int2_shared": 5,
        "pruned": 0,
    }


@ALL
def test_a_block_without_rows_is_stored_and_read(scheme: Scheme) -> None:
    params = fitted(scheme, trained_rows(0))
    packed = scheme.quantize(trained_rows(0), params)
    assert packed.shape == (0, scheme.row_bytes(16))
    assert scheme.dequantize(packed, 16, params).shape == (0, 16)


@ALL
def test_rows_that_are_not_contiguous_are_stored_as_they_read(scheme: Scheme) -> None:
    rows, params = trained_rows(32, 16).t(), fitted(scheme, trained_rows(16, 32))
    assert torch.equal(scheme.quantize(rows, params), scheme.quantize(rows.contiguous(), params))


def test_fp32_is_exact_and_its_bytes_are_little_endian() -> None:
    rows = trained_rows(2, 3)
    packed = SCHEMES["fp32"].quantize(rows, NO_PARAMS)
    assert packed.numpy().tobytes() == rows.numpy().astype("<f4").tobytes()
    assert torch.equal(SCHEMES["fp32"].dequantize(packed, 3, NO_PARAMS), rows)


@settings(max_examples=25, deadline=None)
@given(rows=hard_rows())
def test_fp16_error_is_at_most_half_a_unit_in_the_last_place(rows: Tensor) -> None:
    error = (rows.double() - SCHEMES["fp16"].snap(rows, NO_PARAMS).double()).abs()
    bound = torch.maximum(rows.abs().double() * 2.0**-11, torch.tensor(2.0**-25).double())
    assert (error <= bound).all()


@pytest.mark.parametrize("name", ["fp32", "fp16", "pruned"])
def test_schemes_without_a_grid_have_no_step(name: str) -> None:
    rows = trained_rows(3)
    assert SCHEMES[name].step(rows, fitted(SCHEMES[name], rows)) is None


def test_pruned_rows_read_the_fallback_row_which_is_zeros_where_none_is_given() -> None:
    rows = torch.tensor([[1.0, 2.0], [5.0, -2.0]])
    pruned = SCHEMES["pruned"]
    assert pruned.fit(rows, torch.tensor([3.0, 1.0])).tolist() == [0.0, 0.0]
    given = torch.tensor([2.0, 1.0])
    assert pruned.dequantize(pruned.quantize(rows, given), 2, given).tolist() == [[2, 1]] * 2


def test_weights_that_are_all_zero_count_as_equal() -> None:
    rows, shared = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)), "int2_shared"
    alike = SCHEMES[shared].fit(rows, torch.ones(50))
    assert torch.equal(SCHEMES[shared].fit(rows, torch.zeros(50)), alike)


@ALL
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite_are_refused_with_field_and_row(
    scheme: Scheme, value: float
) -> None:
    rows = trained_rows(4)
    rows[2, 5] = value
    with pytest.raises(DataError, match=r"(?s)at dimension 5.*field 'user_id', row 12"):
        refuse_unstorable(rows, scheme, "user_id", torch.tensor([10, 11, 12, 13]))


@pytest.mark.parametrize("name", OF_FP16_RANGE)
def test_values_beyond_fp16_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="±65504"):
        refuse_unstorable(torch.tensor([[65505.0]]), SCHEMES[name], "f", torch.tensor([0]))


@pytest.mark.parametrize("name", OF_FP16_RANGE)
def test_rows_at_fp16s_limits_are_stored_again_after_snapping(name: str) -> None:
    rows = torch.tensor([[-LARGEST_FP16, -65000.0], [LARGEST_FP16, 65000.0]])
    snapped = SCHEMES[name].snap(rows, NO_PARAMS)
    refuse_unstorable(snapped, SCHEMES[name], "f", torch.tensor([0, 1]))
    assert torch.equal(SCHEMES[name].snap(snapped, NO_PARAMS), snapped)


@pytest.mark.parametrize("name", ["int4_shared", "int2_shared"])
def test_schemes_with_shared_qparams_take_any_finite_value(name: str) -> None:
    rows = torch.tensor([[3e38, -3e38], [0.1, 0.2]])
    refuse_unstorable(rows, SCHEMES[name], "f", torch.tensor([0, 1]))
    assert SCHEMES[name].snap(rows, fitted(SCHEMES[name], rows)).isfinite().all()
