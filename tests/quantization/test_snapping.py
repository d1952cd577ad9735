from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.snapping import snap_rows
from shark_core.quantization.tiers import FP16, FP32, INT8
from tests.quantization.hard_rows import hard_rows

N = 64


def tier_mix() -> np.ndarray:
    return np.random.default_rng(3).choice([FP32, FP16, INT8], size=N).astype(np.uint8)


def random_weight() -> Tensor:
    return torch.randn(N, 8, generator=torch.Generator().manual_seed(1))


@settings(max_examples=50, deadline=None)
@given(rows=hard_rows())
def test_published_tables_decode_to_exactly_the_snapped_weights(rows: Tensor) -> None:
    weight = rows.clone()
    snap_rows(weight, torch.arange(N), tier_mix())
    published = MixedPrecisionTable.from_float(weight, tier_mix(), "user_id")
    assert torch.equal(published.dequantize(), weight)


def test_only_the_given_rows_change() -> None:
    weight, before = random_weight(), random_weight()
    snap_rows(weight, torch.tensor([5, 9]), np.full(N, INT8, dtype=np.uint8))
    changed = (weight != before).any(dim=1).nonzero().flatten()
    assert changed.tolist() == [5, 9]


def test_repeated_rows_are_snapped_like_single_ones() -> None:
    once, repeated = random_weight(), random_weight()
    snap_rows(once, torch.tensor([5]), tier_mix())
    snap_rows(repeated, torch.tensor([5, 5, 5]), tier_mix())
    assert torch.equal(once, repeated)


def test_fp32_rows_stay_as_they_are() -> None:
    weight = random_weight()
    snap_rows(weight, torch.arange(N), np.full(N, FP32, dtype=np.uint8))
    assert torch.equal(weight, random_weight())


def test_no_rows_is_no_change() -> None:
    weight = random_weight()
    snap_rows(weight, torch.tensor([], dtype=torch.int64), tier_mix())
    assert torch.equal(weight, random_weight())


def test_a_parameter_that_requires_gradients_is_snapped_in_place() -> None:
    parameter = torch.nn.Parameter(random_weight())
    snap_rows(parameter, torch.arange(N), np.full(N, FP16, dtype=np.uint8))
    assert torch.equal(parameter.detach(), random_weight().half().float())


@pytest.mark.parametrize("tier", [FP32, FP16, INT8])
def test_a_diverged_row_is_refused_in_every_tier(tier: int) -> None:
    weight = random_weight()
    weight[7, 0] = float("nan")
    with pytest.raises(DataError, match="field 'item_id', row 7"):
        snap_rows(weight, torch.tensor([7]), np.full(N, tier, dtype=np.uint8), field="item_id")
