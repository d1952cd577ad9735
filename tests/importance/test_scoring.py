"""What holds for every method of scoring."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from shark_core.config_sections import Importance
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.importance.scoring import (
    METHODS,
    REPLACEMENTS,
    importance_method,
    mean_embeddings,
    score_sums,
)
from tests.importance.small_models import batches, scored, setting

WAYS = [
    pytest.param(method, replacement, id=f"{method}-{replacement}")
    for method in METHODS
    for replacement in REPLACEMENTS
]


@pytest.mark.parametrize("method", METHODS)
def test_scores_do_not_depend_on_the_batch_size(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    small, large = (scored(model, batches(config, model, size), method) for size in (7, 90))
    for name in model.kept:
        assert small.score(name) == pytest.approx(large.score(name), rel=1e-4, abs=1e-7)
        assert small.standard_error(name) == pytest.approx(large.standard_error(name), rel=1e-3)


@pytest.mark.parametrize(("method", "replacement"), WAYS)
def test_merged_parts_equal_the_whole(tmp_path: Path, method: str, replacement: str) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 10)
    means = mean_embeddings(model, parts).means()
    settings = Importance(method=method, replacement=replacement)  # type: ignore[arg-type]
    way = importance_method(settings, means, seed=0)
    first = score_sums(model, parts[:4], way)
    rest = score_sums(model, parts[4:], way, first_batch=4)
    whole, merged = score_sums(model, parts, way), first.merge(rest)
    assert merged.examples == whole.examples == 90
    assert merged.sums == pytest.approx(whole.sums, rel=1e-12)
    assert merged.squares == pytest.approx(whole.squares, rel=1e-12)


def test_merged_means_equal_the_mean_of_the_whole() -> None:
    first = MeanEmbeddings({"f": torch.tensor([3.0, 0.0], dtype=torch.float64)}, 3, {"": 1})
    second = MeanEmbeddings({"f": torch.tensor([5.0, 8.0], dtype=torch.float64)}, 1, {"": 1})
    merged = first.merge(second)
    assert (merged.examples, merged.positives) == (4, {"": 2})
    assert merged.means()["f"].tolist() == [2.0, 2.0]


@pytest.mark.parametrize(("method", "replacement"), WAYS)
def test_a_field_that_is_the_same_everywhere_scores_zero(
    tmp_path: Path, method: str, replacement: str
) -> None:
    config, model = setting(tmp_path)
    with torch.no_grad():
        model.embeddings.weight("user").fill_(0.25)
    found = scored(model, batches(config, model, 32), method, replacement)
    assert found.score("user") == pytest.approx(0.0, abs=1e-7)
    assert abs(found.score("item")) > 1e-5


@pytest.mark.parametrize(("method", "replacement"), WAYS)
def test_scoring_leaves_the_model_as_it_was(tmp_path: Path, method: str, replacement: str) -> None:
    config, model = setting(tmp_path)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    scored(model, batches(config, model, 32), method, replacement)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(("method", "replacement"), WAYS)
def test_the_same_seed_gives_the_same_scores_with_dropout_off(
    tmp_path: Path, method: str, replacement: str
) -> None:
    config, model = setting(tmp_path)
    model.head.deep.insert(2, nn.Dropout(0.5))  # type: ignore[operator, union-attr]
    model.train()
    parts = batches(config, model, 32)
    once, again = (scored(model, parts, method, replacement) for _ in range(2))
    assert once == again


@pytest.mark.parametrize("method", METHODS)
def test_a_pruned_field_has_no_score(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    model.embeddings.prune("tags", torch.zeros(4))
    found = scored(model, batches(config, model, 32), method)
    assert list(found.sums) == ["user", "item"]


def test_one_example_has_an_infinite_standard_error() -> None:
    assert ScoreSums({"f": 1.0}, {"f": 1.0}, 1).standard_error("f") == float("inf")
