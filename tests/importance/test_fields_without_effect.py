"""Fields that cannot matter score zero, exactly and with certainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shark_core.importance.score_sums import ScoreSums
from shark_core.importance.scoring import METHODS, REPLACEMENTS
from shark_core.models.batch import Batch, FieldRows
from tests.importance.small_models import batches, scored, setting

WAYS = pytest.mark.parametrize(
    ("method", "replacement"),
    [
        pytest.param(method, replacement, id=f"{method}-{replacement}")
        for method in METHODS
        for replacement in REPLACEMENTS
    ],
)


class Reads(nn.Module):
    """`z = w·dense + Σ_f Σ_d e_{f,d}` of the fields `names`, after `through`."""

    def __init__(self, names: list[str], through: Callable[[Tensor], Tensor] = torch.tanh) -> None:
        super().__init__()
        self.names = names
        self.through = through
        self.linear = nn.Linear(2, 1)

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        z: Tensor = self.linear(dense).squeeze(1)
        for name in self.names:
            z = z + self.through(pooled[name]).sum(dim=1)
        return z


def zero(sums: ScoreSums, name: str) -> bool:
    return sums.score(name) == 0.0 and sums.standard_error(name) == 0.0


@WAYS
def test_a_field_that_the_head_ignores(tmp_path: Path, method: str, replacement: str) -> None:
    config, model = setting(tmp_path)
    model.head = Reads(["item", "tags"])
    found = scored(model, batches(config, model, 32), method, replacement)
    assert [name for name in model.kept if zero(found, name)] == ["user"]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@WAYS
def test_all_fields_where_the_head_ignores_all(
    tmp_path: Path, method: str, replacement: str, precision: str
) -> None:
    config, model = setting(tmp_path)
    model.head = Reads([])
    found = scored(model, batches(config, model, 32), method, replacement, precision)
    assert [name for name in model.kept if zero(found, name)] == model.kept


def constant_logit(pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
    return torch.zeros(len(dense))


@WAYS
def test_all_fields_where_the_logit_is_a_constant(
    tmp_path: Path, method: str, replacement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, model = setting(tmp_path)
    monkeypatch.setattr(model.head, "forward", constant_logit)
    found = scored(model, batches(config, model, 32), method, replacement)
    assert [name for name in model.kept if zero(found, name)] == model.kept


def test_permutation_sees_what_a_head_detaches(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    model.head = Reads(model.kept)
    attached = scored(model, parts, "permutation")
    model.head.through = lambda pooled: torch.tanh(pooled).detach()
    assert scored(model, parts, "permutation") == attached


def with_rows(part: Batch, name: str, values: Tensor, offsets: Tensor) -> Batch:
    return replace(part, ids={**part.ids, name: FieldRows(values, offsets)})


@WAYS
def test_a_field_that_is_constant_on_the_slice(
    tmp_path: Path, method: str, replacement: str
) -> None:
    config, model = setting(tmp_path)
    parts = [
        with_rows(part, "user", torch.full((len(part),), 7), torch.arange(len(part) + 1))
        for part in batches(config, model, 32)
    ]
    found = scored(model, parts, method, replacement)
    assert [name for name in model.kept if zero(found, name)] == ["user"]


@WAYS
def test_a_multi_valued_field_that_is_always_empty(
    tmp_path: Path, method: str, replacement: str
) -> None:
    config, model = setting(tmp_path)
    nothing = torch.empty(0, dtype=torch.int64)
    parts = [
        with_rows(part, "tags", nothing, torch.zeros(len(part) + 1, dtype=torch.int64))
        for part in batches(config, model, 32)
    ]
    found = scored(model, parts, method, replacement)
    assert [name for name in model.kept if zero(found, name)] == ["tags"]
