"""Models of several tasks: a named task, a weighted sum, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shark_core.errors import ConfigError
from shark_core.importance.scoring import METHODS, mean_embeddings
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel, build_model, model_from_spec
from tests.example_lake import tiny_config
from tests.importance.small_models import Gives, batches, by_hand, scored, setting

TASKS = ("click", "like")


class TwoTasks(nn.Module):
    """Two heads beside each other: logits `(B, 2)`."""

    tasks = TASKS

    def __init__(self, click: nn.Module, like: nn.Module) -> None:
        super().__init__()
        self.click = click
        self.like = like

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return torch.stack([self.click(pooled, dense), self.like(pooled, dense)], dim=1)


def two_tasks(root: Path) -> tuple[CtrModel, list[Batch]]:
    """A click as the lake has it, and a like of whoever is old enough and did not click."""
    config, model = setting(root)
    other = model_from_spec(model.spec, seed=1)
    model.head = TwoTasks(model.head, other.head)
    parts = batches(config, model, 32)
    likes = [(1 - part.label) * (part.dense[:, 0] > 0) for part in parts]
    labels = [torch.stack([p.label, like], dim=1) for p, like in zip(parts, likes, strict=True)]
    return model, [replace(p, label=label) for p, label in zip(parts, labels, strict=True)]


def of_one(model: CtrModel, parts: list[Batch], task: str) -> tuple[CtrModel, list[Batch]]:
    """The model of one logit made of that task, and its labels."""
    column = TASKS.index(task)
    alone = CtrModel(model.spec, model.embeddings, getattr(model.head, task))
    return alone, [replace(part, label=part.label[:, column]) for part in parts]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", METHODS)
def test_a_named_task_scores_as_its_column_alone(tmp_path: Path, method: str, task: str) -> None:
    model, parts = two_tasks(tmp_path)
    found = scored(model, parts, method, tasks={task: 1.0})
    alone = scored(*of_one(model, parts, task), method)
    assert (found.sums, found.squares) == (alone.sums, alone.squares)


@pytest.mark.parametrize("method", METHODS)
def test_a_task_of_weight_zero_is_left_out(tmp_path: Path, method: str) -> None:
    model, parts = two_tasks(tmp_path)
    alone = scored(model, parts, method, tasks={"like": 1.0})
    assert scored(model, parts, method, tasks={"click": 0.0, "like": 1.0}) == alone


@pytest.mark.parametrize("method", ["logit_taylor", "permutation"])
def test_a_weighted_sum_of_tasks_has_the_weighted_sum_of_their_scores(
    tmp_path: Path, method: str
) -> None:
    model, parts = two_tasks(tmp_path)
    both = scored(model, parts, method, tasks={"click": 0.5, "like": 2.0})
    click, like = (scored(model, parts, method, tasks={task: 1.0}) for task in TASKS)
    for name in model.kept:
        expected = 0.5 * click.score(name) + 2.0 * like.score(name)
        assert both.score(name) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_f_permutation_takes_each_examples_absolute_value_after_the_weighted_sum(
    tmp_path: Path,
) -> None:
    model, parts = two_tasks(tmp_path)
    weights = torch.tensor([0.5, 2.0])
    found = scored(model, parts, "f_permutation", tasks={"click": 0.5, "like": 2.0})
    whole = [model.embeddings(part) for part in parts]
    for name in model.kept:
        mean = torch.cat([pooled[name] for pooled in whole]).mean(dim=0).detach()
        changes = []
        for part, pooled in zip(parts, whole, strict=True):
            point = pooled[name].detach().requires_grad_()
            logits = model.head({**pooled, name: point}, part.dense)  # (B, 2)
            losses = F.binary_cross_entropy_with_logits(logits, part.label, reduction="none")
            (gradient,) = torch.autograd.grad((losses @ weights).sum(), point)
            changes.append((gradient * (mean - point)).sum(dim=1).detach())
        assert found.score(name) == pytest.approx(torch.cat(changes).abs().mean().item(), rel=1e-4)


def test_tasks_that_pull_against_each_other_cancel_within_an_example(tmp_path: Path) -> None:
    model, batch = by_hand(tmp_path)
    model.head = Gives(lambda z: torch.stack([z, -z], dim=1), tasks=TASKS)
    batch = replace(batch, label=torch.stack([batch.label, batch.label], dim=1))
    found = scored(model, [batch], "f_permutation", tasks={"click": 1.0, "like": 1.0})
    # ∂ℓ/∂e = (σ(z) − y) − (σ(−z) − y): 0 at z = 0, and 0.880797 − 0.119203 at z = 2
    assert found.score("f") == pytest.approx((0.0 + 0.761594) / 2, rel=1e-5)


def test_means_count_the_positives_of_every_task(tmp_path: Path) -> None:
    model, parts = two_tasks(tmp_path)
    clicks, likes = (sum(int(part.label[:, task].sum()) for part in parts) for task in (0, 1))
    assert mean_embeddings(model, parts).positives == {"click": clicks, "like": likes}
    assert clicks != likes


@pytest.mark.parametrize(
    ("tasks", "found"),
    [
        pytest.param({"share": 1.0}, r"\{'share': 1.0\}", id="unknown"),
        pytest.param({"click": 1.0, "share": 1.0}, "'share': 1.0", id="one of them unknown"),
        pytest.param(None, r"\{\}", id="none"),
        pytest.param({"click": 0.0, "like": 0.0}, "'like': 0.0", id="all zero"),
    ],
)
def test_tasks_that_the_head_does_not_have_are_refused(
    tmp_path: Path, tasks: dict[str, float] | None, found: str
) -> None:
    model, parts = two_tasks(tmp_path)
    refusal = rf"tasks(.|\n)*weights for some of \['click', 'like'\](.|\n)*{found}"
    with pytest.raises(ConfigError, match=refusal):
        scored(model, parts, "logit_taylor", tasks=tasks)


def test_tasks_for_a_model_of_one_logit_are_refused(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    with pytest.raises(ConfigError, match=r"no tasks: one logit only"):
        scored(model, batches(config, model, 32), "logit_taylor", tasks={"click": 1.0})


def test_a_head_of_several_outputs_is_scored_as_its_refusal_says(tmp_path: Path) -> None:
    model, parts = two_tasks(tmp_path)
    unnamed = Gives(lambda z: torch.stack([z, -z], dim=1))
    spec, embeddings = model.spec, model.embeddings
    remedy = r"CtrModel and name its columns in the attribute `tasks`"
    one_label = [replace(part, label=part.label[:, 0]) for part in parts]
    with pytest.raises(ConfigError, match=remedy):
        scored(CtrModel(spec, embeddings, unnamed), one_label, "logit_taylor")
    named = Gives(unnamed.output, tasks=TASKS)
    found = scored(CtrModel(spec, embeddings, named), parts, "logit_taylor", tasks={"like": 1.0})
    assert found.examples == 90


def test_a_configs_head_gives_one_logit_only(tmp_path: Path) -> None:
    """As that refusal says too."""
    own = {"head": "tests.importance.own_heads:TwoColumns", "hidden_units": [8]}
    with pytest.raises(ConfigError, match=r"logits of shape \(3,\)"):
        build_model(tiny_config(tmp_path, model=own))


def first_column(label: Tensor) -> Tensor:
    return label[:, 0]


def three_columns(label: Tensor) -> Tensor:
    return torch.cat([label, label[:, :1]], dim=1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("spoilt", [first_column, three_columns])
def test_two_tasks_need_two_columns_of_labels(
    tmp_path: Path, method: str, spoilt: Callable[[Tensor], Tensor]
) -> None:
    model, parts = two_tasks(tmp_path)
    parts = [replace(part, label=spoilt(part.label)) for part in parts]
    refusal = r"labels(.|\n)*\(32, 2\), in the order of \['click', 'like'\](.|\n)*shape \(32"
    with pytest.raises(ConfigError, match=refusal):
        scored(model, parts, method, tasks={"click": 1.0})


@pytest.mark.parametrize("method", METHODS)
def test_one_logit_needs_one_column_of_labels(tmp_path: Path, method: str) -> None:
    """Two examples with two labels each would broadcast, and score something else."""
    model, batch = by_hand(tmp_path)
    batch = replace(batch, label=torch.stack([batch.label, batch.label], dim=1))
    with pytest.raises(ConfigError, match=r"labels of shape \(2,\)(.|\n)*shape \(2, 2\)"):
        scored(model, [batch], method)
