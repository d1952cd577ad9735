from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.row_map import row_map_bytes
from shark_core.quantization.schemes import NO_PARAMS, SCHEMES
from shark_core.quantization.tier_block import TierBlock
from shark_core.quantization.tiers import FP16, FP32, INT2, INT4, INT8, PRUNED, TIERS

ROW_WISE = {tier: tier for tier in TIERS}
SHARED = {**ROW_WISE, "int4": "int4_shared", "int2": "int2_shared"}
N, D = 300, 6
WEIGHT = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
CODES = np.random.default_rng(0).integers(0, len(TIERS), N).astype(np.uint8)


def fitted(weight: Tensor, codes: np.ndarray, schemes: Mapping[str, str]) -> dict[str, Tensor]:
    """Table params of every tier that has rows."""
    params = {}
    for code in np.unique(codes).tolist():
        rows = weight[torch.from_numpy(codes == code)]
        params[TIERS[code]] = SCHEMES[schemes[TIERS[code]]].fit(rows, torch.ones(len(rows)))
    return params


def make_table(
    weight: Tensor = WEIGHT, codes: np.ndarray = CODES, schemes: Mapping[str, str] = SHARED
) -> MixedPrecisionTable:
    params = fitted(weight, codes, schemes)
    return MixedPrecisionTable.from_float(weight, codes, schemes, params, "user_id")


def again(table: MixedPrecisionTable, fallback: Tensor | None) -> MixedPrecisionTable:
    blocks = {tier: table.tier_block(tier) for tier in table.blocks}
    return MixedPrecisionTable.from_blocks(D, N, blocks, fallback, where="here")


@pytest.mark.parametrize("schemes", [ROW_WISE, SHARED])
@pytest.mark.parametrize("code", range(len(TIERS)))
def test_each_row_decodes_as_its_tier_stores_it(schemes: dict[str, str], code: int) -> None:
    params = fitted(WEIGHT, CODES, schemes)
    members = torch.from_numpy(code == CODES)
    expected = SCHEMES[schemes[TIERS[code]]].snap(WEIGHT[members], params[TIERS[code]])
    assert torch.equal(make_table(schemes=schemes).dequantize()[members], expected)


def test_pruned_rows_read_the_fallback_row() -> None:
    table = make_table()
    pruned = table.dequantize()[torch.from_numpy(CODES == PRUNED)]
    assert torch.equal(pruned, table.params["pruned"].expand_as(pruned))
    assert "pruned" not in table.blocks


@given(codes=st.lists(st.integers(0, 5), min_size=1, max_size=40), seed=st.integers(0, 99))
def test_lookups_in_any_order_agree_with_the_whole_table(codes: list[int], seed: int) -> None:
    table = make_table(WEIGHT[: len(codes)], np.array(codes, dtype=np.uint8))
    rows = torch.from_numpy(np.random.default_rng(seed).integers(0, len(codes), 60))
    assert torch.equal(table.dequantize(rows), table.dequantize()[rows])


def test_no_rows_are_looked_up_as_no_rows() -> None:
    assert make_table().dequantize(torch.tensor([], dtype=torch.int64)).shape == (0, D)


def test_nbytes_counts_rows_qparams_table_params_and_the_row_map() -> None:
    counts = dict(zip(TIERS, np.bincount(CODES).tolist(), strict=True))
    row_bytes = {"fp32": 4 * D, "fp16": 2 * D, "int8": D + 4, "int4": D // 2, "int2": 2}
    packed = sum(counts[tier] * size for tier, size in row_bytes.items())
    shared = 4 * (2 + 2 + D)  # scale and bias of int4 and int2, the fallback row
    assert make_table().nbytes == packed + shared + row_map_bytes(N, TIERS)


def test_a_tier_without_rows_takes_nothing() -> None:
    whole = make_table(codes=np.full(N, INT8, dtype=np.uint8))
    assert (list(whole.blocks), list(whole.schemes), whole.params) == (["int8"], ["int8"], {})
    assert whole.nbytes == N * (D + 4)


def test_a_table_may_be_pruned_whole() -> None:
    table = make_table(codes=np.full(N, PRUNED, dtype=np.uint8))
    assert (table.blocks, table.nbytes) == ({}, 4 * D)
    assert torch.equal(table.dequantize(torch.tensor([7, 2])), table.params["pruned"].expand(2, D))


@pytest.mark.parametrize("row", [-1, N])
def test_a_row_that_is_not_of_the_table_is_refused(row: int) -> None:
    packed = torch.zeros(1, D + 4, dtype=torch.uint8)
    block = TierBlock(torch.tensor([row]), packed, "int8", NO_PARAMS)
    with pytest.raises(DataError, match="do not hold each row once"):
        MixedPrecisionTable.from_blocks(D, N, {"int8": block}, torch.zeros(D), "here")


def test_params_of_tiers_without_rows_are_not_used() -> None:
    codes = np.full(N, FP32, dtype=np.uint8)
    params = {"pruned": torch.ones(D), "int2": torch.ones(2)}
    table = MixedPrecisionTable.from_float(WEIGHT, codes, SHARED, params, "user_id")
    assert (table.params, table.schemes) == ({}, {"fp32": "fp32"})


def test_tier_blocks_put_together_again_are_the_same_table() -> None:
    table = make_table()
    found = again(table, table.params["pruned"])
    assert torch.equal(found.dequantize(), table.dequantize())
    assert torch.equal(found.tier_codes, table.tier_codes)
    assert found.schemes == table.schemes
    assert found.nbytes == table.nbytes


def test_a_pruned_tier_is_a_block_of_no_bytes() -> None:
    block = make_table().tier_block("pruned")
    assert block.row_ids.tolist() == np.flatnonzero(CODES == PRUNED).tolist()
    assert block.packed.shape == (len(block.row_ids), 0)


def test_rows_in_no_tier_need_a_fallback_row() -> None:
    with pytest.raises(DataError, match=r"300 rows, each in one tier"):
        again(make_table(), fallback=None)


@pytest.mark.parametrize("fallback", [None, torch.zeros(4)])
def test_repeated_rows_are_refused(fallback: Tensor | None) -> None:
    packed = SCHEMES["fp32"].quantize(WEIGHT[:6, :4], NO_PARAMS)
    block = TierBlock(torch.tensor([0, 1, 2, 3, 4, 4]), packed, "fp32", NO_PARAMS)
    with pytest.raises(DataError, match="6 rows, each in one tier"):
        MixedPrecisionTable.from_blocks(4, 6, {"fp32": block}, fallback, where="here")


def test_a_value_that_cannot_be_stored_is_refused_with_its_row() -> None:
    weight = WEIGHT.clone()
    row = int(np.flatnonzero(CODES == INT8)[3])
    weight[row, 1] = float("inf")
    with pytest.raises(DataError, match=f"field 'user_id', row {row}"):
        make_table(weight)


@pytest.mark.parametrize(
    "params", [{}, {"int2": torch.ones(3)}, {"int2": torch.tensor([1, torch.nan])}]
)
def test_table_params_of_another_scheme_are_refused(params: dict[str, Tensor]) -> None:
    codes = np.full(N, INT2, dtype=np.uint8)
    with pytest.raises(DataError, match=r"(?s)2 finite numbers.*field 'user_id', tier int2"):
        MixedPrecisionTable.from_float(WEIGHT, codes, SHARED, params, "user_id")


def test_a_table_does_not_differ_from_itself() -> None:
    assert make_table().diff(make_table()).tolist() == []


def test_rows_with_another_value_differ() -> None:
    codes = np.full(N, FP16, dtype=np.uint8)
    weight = WEIGHT.clone()
    weight[[4, 299]] += 1
    assert make_table(weight, codes).diff(make_table(WEIGHT, codes)).tolist() == [4, 299]


def test_rows_that_changed_their_tier_differ_though_their_value_is_the_same() -> None:
    weight, before = torch.zeros(N, D), np.full(N, FP16, dtype=np.uint8)
    after = before.copy()
    after[[3, 7]] = FP32, INT4
    params = {"int4": torch.tensor([1.0, 0.0])}
    tables = [
        MixedPrecisionTable.from_float(weight, codes, SHARED, params, "f")
        for codes in (after, before)
    ]
    assert tables[0].diff(tables[1]).tolist() == [3, 7]


def test_rows_stored_otherwise_with_the_same_value_and_tier_do_not_differ() -> None:
    weight, codes = torch.zeros(N, D), np.full(N, INT4, dtype=np.uint8)
    params = {"int4": torch.tensor([1.0, 0.0])}
    shared = MixedPrecisionTable.from_float(weight, codes, SHARED, params, "f")
    row_wise = MixedPrecisionTable.from_float(weight, codes, ROW_WISE, {}, "f")
    assert shared.diff(row_wise).tolist() == []


def test_a_zero_of_the_other_sign_differs() -> None:
    codes = np.full(N, FP32, dtype=np.uint8)
    negative = torch.zeros(N, D)
    negative[5, 0] = -0.0
    assert make_table(negative, codes).diff(make_table(torch.zeros(N, D), codes)).tolist() == [5]


def test_pruned_rows_differ_with_the_fallback_row() -> None:
    codes = np.array([PRUNED, FP32, PRUNED], dtype=np.uint8)
    tables = [
        MixedPrecisionTable.from_float(WEIGHT[:3], codes, SHARED, {"pruned": fallback}, "f")
        for fallback in (torch.zeros(D), torch.ones(D))
    ]
    assert tables[0].diff(tables[1]).tolist() == [0, 2]


def test_rows_beyond_the_smaller_table_differ_both_ways() -> None:
    codes = np.full(N, FP32, dtype=np.uint8)
    small, large = make_table(WEIGHT[:297], codes[:297]), make_table(WEIGHT, codes)
    assert large.diff(small).tolist() == [297, 298, 299]
    assert small.diff(large).tolist() == [297, 298, 299]


def test_all_rows_differ_from_those_of_another_dimension() -> None:
    codes = np.full(N, FP32, dtype=np.uint8)
    narrow = make_table(WEIGHT[:, :4], codes)
    assert make_table(WEIGHT, codes).diff(narrow).tolist() == list(range(N))
