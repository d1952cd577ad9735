from __future__ import annotations

import numpy as np
import pytest
import torch

from shark_core.errors import DataError
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable, TierBlock
from shark_core.quantization.schemes import SCHEMES
from shark_core.quantization.tiers import FP16, FP32, INT8

WEIGHT = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
TIER_CODES = np.array([INT8, FP32, INT8, FP16, FP16, FP32], dtype=np.uint8)


def table() -> MixedPrecisionTable:
    return MixedPrecisionTable.from_float(WEIGHT, TIER_CODES, "user_id")


def test_each_row_decodes_as_its_tier_stores_it() -> None:
    decoded = table().dequantize()
    assert torch.equal(decoded[[1, 5]], WEIGHT[[1, 5]])
    assert torch.equal(decoded[[3, 4]], WEIGHT[[3, 4]].half().float())
    assert torch.equal(decoded[[0, 2]], SCHEMES["int8"].snap(WEIGHT[[0, 2]]))


def test_lookups_in_any_order_agree_with_the_whole_table() -> None:
    rows = torch.tensor([5, 0, 3, 3, 2])
    assert torch.equal(table().dequantize(rows), table().dequantize()[rows])


def test_nbytes_counts_rows_qparams_and_the_row_map() -> None:
    int8, fp16, fp32, row_map = 2 * (4 + 4), 2 * 8, 2 * 16, 6 * 4
    assert table().nbytes == int8 + fp16 + fp32 + row_map


def test_the_row_map_holds_tier_code_and_slot() -> None:
    assert table().row_map.tolist() == [
        INT8 << 28,
        FP32 << 28,
        INT8 << 28 | 1,
        FP16 << 28,
        FP16 << 28 | 1,
        FP32 << 28 | 1,
    ]


def test_a_tier_without_rows_has_no_block() -> None:
    whole = MixedPrecisionTable.from_float(WEIGHT, np.full(6, INT8, dtype=np.uint8), "f")
    assert list(whole.blocks) == ["int8"]


def test_tier_blocks_put_together_again_are_the_same_table() -> None:
    blocks = {tier: table().tier_block(tier) for tier in table().blocks}
    again = MixedPrecisionTable.from_blocks(4, 6, blocks, where="here")
    assert torch.equal(again.row_map, table().row_map)
    assert torch.equal(again.dequantize(), table().dequantize())


@pytest.mark.parametrize("row_ids", [[0, 1, 2], [0, 1, 2, 3, 4, 4]])
def test_missing_or_repeated_rows_are_refused(row_ids: list[int]) -> None:
    packed = SCHEMES["fp32"].quantize(WEIGHT[: len(row_ids)])
    block = TierBlock(torch.tensor(row_ids), packed)
    with pytest.raises(DataError, match="6 rows, each in one tier"):
        MixedPrecisionTable.from_blocks(4, 6, {"fp32": block}, where="here")


def test_a_value_that_cannot_be_stored_is_refused_with_its_row() -> None:
    weight = WEIGHT.clone()
    weight[4, 1] = float("inf")
    with pytest.raises(DataError, match="field 'user_id', row 4"):
        MixedPrecisionTable.from_float(weight, TIER_CODES, "user_id")
