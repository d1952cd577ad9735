"""Heads that give no gradient for what they read, and how many passes a method takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shark_core.config_sections import Importance
from shark_core.errors import ConfigError, DataError
from shark_core.importance.scoring import importance_method, mean_embeddings, score_sums
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from tests.importance.small_models import batches, scored, setting

BY_GRADIENT = ["f_permutation", "logit_taylor"]


class CutOff(nn.Module):
    """Reads `name` without letting a gradient through; all fields where there is none."""

    def __init__(self, head: nn.Module, name: str | None) -> None:
        super().__init__()
        self.head = head
        self.name = name

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        names = list(pooled) if self.name is None else [self.name]
        return self.head({**pooled, **{name: pooled[name].detach() for name in names}}, dense)


class Whispers(nn.Module):
    """`z = base + effect · Σ e`, without a gradient for e: so much does a logit change."""

    def __init__(self, base: float, effect: float) -> None:
        super().__init__()
        self.base = base
        self.effect = effect

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        read = torch.cat([*pooled.values()], dim=1).detach().sum(dim=1)  # (B,)
        return self.base + self.effect * read


class TwoTasks(nn.Module):
    tasks = ("click", "like")

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        total = torch.cat([*pooled.values()], dim=1)  # (B, Σ D_f)
        return torch.stack([total.sum(dim=1), total.square().sum(dim=1)], dim=1)  # (B, 2)


def two_tasks(root: Path) -> tuple[CtrModel, list[Batch]]:
    config, model = setting(root)
    model.head = TwoTasks()
    parts = batches(config, model, 30)
    labels = [torch.stack([batch.label, 1 - batch.label], dim=1) for batch in parts]
    return model, [
        Batch(label, batch.dense, batch.ids) for batch, label in zip(parts, labels, strict=True)
    ]


@pytest.mark.parametrize("name", ["item", None])
@pytest.mark.parametrize("method", BY_GRADIENT)
def test_a_field_that_is_read_without_a_gradient_is_refused(
    tmp_path: Path, method: str, name: str | None
) -> None:
    config, model = setting(tmp_path)
    model.head = CutOff(model.head, name)
    with pytest.raises(ConfigError, match=r"no gradient for .*item"):
        scored(model, batches(config, model, 32), method)


@pytest.mark.parametrize(
    ("base", "effect"),
    [
        pytest.param(0.0, 1e-3, id="a logit near zero changes by 0.014"),  # 14 numbers, + 1 each
        pytest.param(50.0, 1e-1, id="a large logit changes by 3 percent"),
    ],
)
@pytest.mark.parametrize("method", BY_GRADIENT)
def test_a_small_effect_without_a_gradient_is_seen(
    tmp_path: Path, method: str, base: float, effect: float
) -> None:
    config, model = setting(tmp_path)
    model.head = Whispers(base, effect)
    with pytest.raises(ConfigError, match="without giving a gradient"):
        scored(model, batches(config, model, 32), method)


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_the_rounding_of_a_logit_is_no_effect(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    model.head = Whispers(50.0, 1e-5)
    found = scored(model, batches(config, model, 32), method)
    assert [found.score(name) for name in model.kept] == [0.0] * 3


@pytest.mark.parametrize(("method", "passes"), [("f_permutation", 1), ("logit_taylor", 2)])
def test_backward_passes_of_two_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, passes: int
) -> None:
    model, parts = two_tasks(tmp_path)
    means = mean_embeddings(model, parts).means()
    settings = Importance(method=method)  # type: ignore[arg-type]
    way = importance_method(settings, means, seed=0, tasks={"click": 1.0, "like": 0.5})
    backward, taken = torch.autograd.grad, []

    def counted(*arguments: object, **options: object) -> object:
        taken.append(1)
        return backward(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.autograd, "grad", counted)
    score_sums(model, parts[:1], way)
    assert len(taken) == passes


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, weight: float) -> None:
    model, parts = two_tasks(tmp_path)
    means = mean_embeddings(model, parts).means()
    way = importance_method(Importance(), means, seed=0, tasks={"click": weight})
    with pytest.raises(ConfigError, match="finite weights"):
        score_sums(model, parts, way)


def test_a_model_of_one_logit_takes_no_task_not_even_without_weight(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    means = mean_embeddings(model, parts).means()
    with pytest.raises(ConfigError, match="one logit only"):
        score_sums(model, parts, importance_method(Importance(), means, 0, tasks={"click": 0.0}))


def test_a_model_without_fields_left_is_refused(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    for name in model.kept:
        model.embeddings.prune(name, torch.zeros(model.embeddings.weight(name).shape[1]))
    with pytest.raises(DataError, match="no field left to score"):
        mean_embeddings(model, parts)


def test_no_examples_are_refused(tmp_path: Path) -> None:
    _, model = setting(tmp_path)
    with pytest.raises(DataError, match="no examples"):
        mean_embeddings(model, [])
