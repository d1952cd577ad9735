"""FBGEMM's own modules on exported rows, against what the rows decode to."""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import embedding_bag

from shark_core.config_sections import Field
from shark_core.errors import ConfigError
from shark_core.models.batch import FieldRows
from shark_core.publish.fbgemm_layout import FbgemmTable, remap, tier_rows
from shark_core.publish.fbgemm_tables import FbgemmField
from shark_core.publish.stored_table import StoredTable
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.shared_affine import shared_params
from shark_core.quantization.tiers import TIERS, rows_by_tier

ROWWISE = {tier: tier for tier in TIERS}
SHARED = {**ROWWISE, "int4": "int4_shared", "int2": "int2_shared"}
SCHEMES_OF_TIERS = pytest.mark.parametrize("schemes", [ROWWISE, SHARED], ids=["row", "shared"])
LONGEST, LARGEST_BIAS = 30, 1.0
EPS = torch.finfo(torch.float32).eps


def table_of(
    dim: int, schemes: dict[str, str], rows: int = 200, tiers: list[int] | None = None
) -> MixedPrecisionTable:
    """Rows in these tiers by turns; shared params that fp16 does not hold."""
    generator = torch.Generator().manual_seed(dim)
    weight = torch.randn(rows, dim, generator=generator) * 0.1
    codes = np.resize(np.array(tiers or range(len(TIERS)), dtype=np.uint8), rows)
    shared = {"int4_shared": (0.0123456, -0.1234567), "int2_shared": (0.0712345, -0.0987654)}
    params = {
        tier: shared_params(*shared[name]) for tier, name in schemes.items() if name in shared
    }
    params["pruned"] = weight.mean(dim=0)
    return MixedPrecisionTable.from_float(weight, codes, schemes, params, "f")


def spec_of(table: MixedPrecisionTable, pooling: str) -> FbgemmTable:
    size = {"num_embeddings": table.num_embeddings, "embedding_dim": table.embedding_dim}
    field = Field.model_validate({"name": "f", "encoding": "hash", "pooling": pooling, **size})
    rows = rows_by_tier(table.tier_codes.numpy())
    return FbgemmTable.of(StoredTable.of(field, rows, table.schemes), table.params)


def field_of(table: MixedPrecisionTable, pooling: str = "none") -> FbgemmField:
    spec = spec_of(table, pooling)
    rows = [tier_rows(table, tier.tier, spec.width) for tier in spec.tiers]
    return FbgemmField(spec, rows, remap(table, spec))


def singly(rows: Tensor) -> FieldRows:
    return FieldRows(rows, torch.arange(len(rows) + 1))


def in_bags(bags: list[list[int]]) -> FieldRows:
    lengths = torch.tensor([0, *map(len, bags)])
    return FieldRows(torch.tensor([r for bag in bags for r in bag]).long(), lengths.cumsum(0))


@SCHEMES_OF_TIERS
@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 33, 64])
def test_single_rows_are_exactly_what_they_decode_to(dim: int, schemes: dict[str, str]) -> None:
    table = table_of(dim, schemes)
    rows = torch.randperm(200, generator=torch.Generator().manual_seed(0)).repeat(2)
    assert torch.equal(field_of(table)(singly(rows)), table.dequantize(rows))


@pytest.mark.parametrize("tier", range(len(TIERS)))
def test_a_table_of_one_tier_too(tier: int) -> None:
    table = table_of(8, SHARED, rows=10, tiers=[tier])
    assert torch.equal(field_of(table)(singly(torch.arange(10))), table.dequantize())


@cache
def field_and_weight(shared: bool, pooling: str) -> tuple[FbgemmField, Tensor]:
    table = table_of(6, SHARED if shared else ROWWISE)
    return field_of(table, pooling), table.dequantize()


@settings(deadline=None, max_examples=60)
@given(
    bags=st.lists(st.lists(st.integers(0, 199), max_size=LONGEST), min_size=1, max_size=8),
    shared=st.booleans(),
    pooling=st.sampled_from(["sum", "mean"]),
)
def test_bags_differ_by_the_order_of_additions_only(
    bags: list[list[int]], shared: bool, pooling: str
) -> None:
    """Each of a bag's additions rounds by an ulp at most of all that is added, biases included."""
    rows, (field, weight) = in_bags(bags), field_and_weight(shared, pooling)
    expected = pooled(rows, weight, pooling)
    found = field(rows)
    added = pooled(rows, weight.abs() + LARGEST_BIAS, pooling)
    assert bool(((found - expected).abs() <= 3 * LONGEST * EPS * added).all())
    lone = rows.offsets.diff() <= 1
    assert torch.equal(found[lone], expected[lone])


def pooled(rows: FieldRows, weight: Tensor, pooling: str) -> Tensor:
    return embedding_bag(rows.values, weight, rows.offsets, mode=pooling, include_last_offset=True)


def test_no_example_and_empty_bags_are_served() -> None:
    field, _ = field_and_weight(True, "mean")
    assert field(in_bags([])).shape == (0, 6)
    assert torch.equal(field(in_bags([[], []])), torch.zeros(2, 6))


@pytest.mark.parametrize("row", [-1, 200])
def test_a_row_that_there_is_not_is_refused(row: int) -> None:
    with pytest.raises(IndexError):
        field_and_weight(False, "sum")[0](in_bags([[3], [row]]))


@SCHEMES_OF_TIERS
def test_rows_are_as_wide_as_fbgemm_says_and_it_pads_them_for_a_gpu(
    schemes: dict[str, str],
) -> None:
    from fbgemm_gpu import split_table_batched_embeddings_ops_inference as inference
    from fbgemm_gpu.split_embedding_configs import SparseType

    for tier in spec_of(table_of(6, schemes), "none").tiers:
        weights = SparseType(tier.weights)
        assert inference.rounded_row_size_in_bytes(8, weights, 1) == tier.row_bytes
        on_gpu = inference.rounded_row_size_in_bytes(8, weights, 16)
        assert on_gpu == -(-tier.row_bytes // 16) * 16


@pytest.mark.parametrize("alignment", [1, 16])
def test_qparams_first_is_what_the_module_reads(alignment: int) -> None:
    """Tables filled by hand: a row is scale, bias, codes low bits first, then padding."""
    from fbgemm_gpu import split_table_batched_embeddings_ops_inference as inference
    from fbgemm_gpu.split_embedding_configs import SparseType

    module = inference.IntNBitTableBatchedEmbeddingBagsCodegen(
        [("t", 1, 4, SparseType.INT4, inference.EmbeddingLocation.HOST)],
        output_dtype=SparseType.FP32,
        device="cpu",
        row_alignment=alignment,
    )
    module.initialize_weights()
    ((rows, _),) = module.split_embedding_weights(split_scale_shifts=False)
    qparams = torch.tensor([0.5, -2.0]).half().view(torch.uint8)
    rows.fill_(255)[0, :6] = torch.cat([qparams, torch.tensor([0x21, 0xF3], dtype=torch.uint8)])
    found = module(torch.tensor([0], dtype=torch.int32), torch.tensor([0, 1], dtype=torch.int32))
    assert found.tolist() == [[-1.5, -1.0, -0.5, 5.5]]


def test_without_fbgemm_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fbgemm_gpu", None)
    with pytest.raises(ConfigError, match="install the release of fbgemm-gpu-cpu"):
        field_of(table_of(4, ROWWISE))
