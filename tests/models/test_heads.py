"""The built-in heads against their papers' formulas written out, and a user's own head."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shark_core.errors import ConfigError
from shark_core.models.ctr_model import build_model
from shark_core.models.head_factory import HEADS
from shark_core.models.heads.dcn_v2 import DCNv2
from shark_core.models.heads.deepfm import DeepFM
from shark_core.models.heads.dlrm import DLRM
from shark_core.models.heads.layers import CommonDim
from shark_core.models.heads.wide_deep import WideDeep
from tests.example_lake import tiny_config

DIMS = {"a": 3, "b": 3, "c": 3}
MIXED = {"a": 3, "b": 5, "c": 2}


def inputs(dims: dict[str, int], dense: int = 2) -> tuple[dict[str, Tensor], Tensor]:
    generator = torch.Generator().manual_seed(0)
    pooled = {name: torch.randn(7, dim, generator=generator) for name, dim in dims.items()}
    return pooled, torch.randn(7, dense, generator=generator)


def concatenated(pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
    return torch.cat([*pooled.values(), dense], dim=1)


def test_deepfm_adds_linear_pairwise_and_deep_parts() -> None:
    pooled, dense = inputs(DIMS)
    head = DeepFM(DIMS, 2, (8, 4))
    x = concatenated(pooled, dense)
    pairs = sum((a * b).sum(dim=1) for a, b in combinations(pooled.values(), 2))
    expected = head.first_order(x).squeeze(1) + pairs + head.deep(x).squeeze(1)
    torch.testing.assert_close(head(pooled, dense), expected)


def test_wide_deep_adds_linear_and_deep_parts() -> None:
    pooled, dense = inputs(DIMS)
    head = WideDeep(DIMS, 2, (8,))
    x = concatenated(pooled, dense)
    torch.testing.assert_close(head(pooled, dense), (head.wide(x) + head.deep(x)).squeeze(1))


def test_dlrm_feeds_every_dot_product_and_the_bottom_vector_to_the_top() -> None:
    pooled, dense = inputs(DIMS)
    head = DLRM(DIMS, 2, (8,))
    assert head.bottom is not None
    bottom = head.bottom(dense)
    vectors = [bottom, *pooled.values()]
    products = [(vectors[i] * vectors[j]).sum(dim=1) for i in range(len(vectors)) for j in range(i)]
    expected = head.top(torch.cat([bottom, torch.stack(products, dim=1)], dim=1)).squeeze(1)
    torch.testing.assert_close(head(pooled, dense), expected)


def test_dlrm_without_dense_features_has_interactions_of_fields_only() -> None:
    pooled, dense = inputs(DIMS, dense=0)
    products = [(a * b).sum(dim=1) for b, a in combinations(pooled.values(), 2)]
    head = DLRM(DIMS, 0, (8,))
    expected = head.top(torch.stack(products, dim=1)).squeeze(1)
    torch.testing.assert_close(head(pooled, dense), expected)


@pytest.mark.parametrize("low_rank", [0, 2])
def test_dcn_v2_crosses_the_input_with_itself(low_rank: int) -> None:
    pooled, dense = inputs(DIMS)
    head = DCNv2(DIMS, 2, (8,), cross_layers=2, low_rank=low_rank)
    first = concatenated(pooled, dense)
    second = first * head.crosses[0](first) + first
    third = first * head.crosses[1](second) + second
    expected = head.output(torch.cat([third, head.deep(first)], dim=1)).squeeze(1)
    torch.testing.assert_close(head(pooled, dense), expected)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("dense", [0, 2])
def test_every_head_takes_fields_of_different_dimensions(name: str, dense: int) -> None:
    pooled, features = inputs(MIXED, dense)
    assert HEADS[name](MIXED, dense, (8, 4))(pooled, features).shape == (7,)


def test_narrow_fields_are_projected_to_the_widest_without_bias() -> None:
    common = CommonDim(MIXED)
    pooled = {name: torch.zeros(7, dim) for name, dim in MIXED.items()}
    assert common.dim == 5
    assert sorted(common.projections) == ["a", "c"]
    assert torch.equal(common(pooled), torch.zeros(7, 3, 5))


class SumHead(nn.Module):
    """A user's own head: no weights, one option."""

    def __init__(
        self, field_dims: dict[str, int], num_dense: int, hidden_units: Sequence[int], factor: int
    ) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return self.factor * concatenated(pooled, dense).sum(dim=1)


class TwoLogits(SumHead):
    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return super().forward(pooled, dense).unsqueeze(1).expand(-1, 2)


class WrongForward(SumHead):
    def forward(self, everything: Tensor) -> Tensor:  # type: ignore[override]
        return everything


NOT_A_MODULE = 3


def test_a_users_head_is_found_by_its_path_and_gets_its_options(tmp_path: Path) -> None:
    model = {"head": "tests.models.test_heads:SumHead", "options": {"factor": 3}}
    built = build_model(tiny_config(tmp_path, model=model))
    assert isinstance(built.head, SumHead)
    assert built.head.factor == 3


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("no_such_package.module:Head", "cannot be imported"),
        ("tests.models.test_heads:NoSuchHead", "cannot be imported"),
        ("tests.models.test_heads:NOT_A_MODULE", "is not a torch module"),
        ("tests.models.test_heads:WrongForward", "does not fit"),
        ("tests.models.test_heads:TwoLogits", r"does not fit(.|\n)*shape \(3, 2\)"),
        ("deepfm", r"does not fit(.|\n)*factor"),
    ],
)
def test_a_head_that_does_not_fit_is_a_config_error(
    tmp_path: Path, head: str, message: str
) -> None:
    config = tiny_config(tmp_path, model={"head": head, "options": {"factor": 3}})
    with pytest.raises(ConfigError, match=message):
        build_model(config)
