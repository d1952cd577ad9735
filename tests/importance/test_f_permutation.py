"""F-Permutation against its definition, one example at a time, and by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.importance.f_permutation import (
    MeanEmbeddings,
    ScoreSums,
    example_scores,
    mean_embeddings,
    score_sums,
)
from shark_core.lake import Lake
from shark_core.models.batch import Batch, FieldRows
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.device import batches_on
from shark_core.models.embedding_collection import EmbeddingCollection
from shark_core.models.head_factory import HEADS
from shark_core.models.model_spec import ModelSpec
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, SlicePart
from tests.example_lake import DAY, tiny_config, tiny_lake

CPU = torch.device("cpu")


def setting(root: Path, head: str = "deepfm") -> tuple[PipelineConfig, CtrModel]:
    """A model whose tables are far from zero, so that scores are too."""
    config = tiny_config(root, model={"head": head, "hidden_units": [8]})
    tiny_lake(config, DAY, rows=90)
    model = build_model(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name in model.kept:
            model.embeddings.weight(name).normal_(std=0.5, generator=generator)
    return config, model


def batches(config: PipelineConfig, model: CtrModel, size: int) -> list[Batch]:
    whole = Slice("whole", (SlicePart(DAY),))
    return list(batches_on(CPU, ExampleReader(Lake(config.lake), config, whole), size))


def scored(model: CtrModel, parts: list[Batch]) -> ScoreSums:
    return score_sums(model, parts, mean_embeddings(model, parts).means())


def by_definition(model: CtrModel, examples: list[Batch], name: str) -> float:
    """`mean_x | Σ_d ∂ℓ(x)/∂e_d · (ē_d − e_d(x)) |` from batches of one example."""
    pooled = [model.embeddings(example)[name].detach() for example in examples]
    mean = torch.cat(pooled).mean(dim=0)
    scores: list[float] = []
    for example in examples:
        inputs = {k: v.detach() for k, v in model.embeddings(example).items()}
        inputs[name].requires_grad_()
        logit = model.head(inputs, example.dense)
        loss = F.binary_cross_entropy_with_logits(logit, example.label)
        (gradient,) = torch.autograd.grad(loss, inputs[name])
        scores.append((gradient * (mean - inputs[name])).sum().abs().item())
    return sum(scores) / len(scores)


@pytest.mark.parametrize("head", HEADS)
def test_one_pass_equals_the_definition(tmp_path: Path, head: str) -> None:
    config, model = setting(tmp_path, head)
    found = scored(model, batches(config, model, 32))
    one_by_one = batches(config, model, 1)
    for name in model.kept:
        assert found.score(name) == pytest.approx(by_definition(model, one_by_one, name), rel=1e-4)
        assert found.score(name) > 1e-4


class Sum(nn.Module):
    """`z = Σ_f Σ_d e_{f,d}`."""

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return torch.cat([*pooled.values()], dim=1).sum(dim=1)


def test_a_hand_computed_model(tmp_path: Path) -> None:
    field = Field(name="f", column="f", encoding="identity", num_embeddings=2, embedding_dim=1)
    spec = ModelSpec(model=tiny_config(tmp_path).model, fields=(field,), dense_features=())
    model = CtrModel(spec, EmbeddingCollection([field], seed=0), Sum())
    with torch.no_grad():
        model.embeddings.weight("f").copy_(torch.tensor([[0.0], [2.0]]))
    rows = FieldRows(torch.tensor([0, 1]), torch.tensor([0, 1, 2]))
    batch = Batch(torch.tensor([1.0, 0.0]), torch.zeros(2, 0), {"f": rows})
    means = mean_embeddings(model, [batch]).means()
    assert means["f"].tolist() == [1.0]
    # ∂ℓ/∂e = σ(z) − y: −0.5 at z = 0, y = 1 and σ(2) = 0.880797 at z = 2, y = 0
    scores = example_scores(model, batch, means)["f"]
    assert scores.tolist() == pytest.approx([0.5 * 1.0, 0.880797 * 1.0])
    sums = score_sums(model, [batch], means)
    assert sums.score("f") == pytest.approx(0.6903985)
    # sample variance of two numbers: half their squared difference; over n = 2
    assert sums.standard_error("f") == pytest.approx((0.380797**2 / 2 / 2) ** 0.5)


def test_scores_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    small, large = (scored(model, batches(config, model, size)) for size in (7, 90))
    for name in model.kept:
        assert small.score(name) == pytest.approx(large.score(name), rel=1e-5)
        assert small.standard_error(name) == pytest.approx(large.standard_error(name), rel=1e-4)


def test_merged_parts_equal_the_whole(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 10)
    means = mean_embeddings(model, parts).means()
    halves = [score_sums(model, half, means) for half in (parts[:4], parts[4:])]
    whole = score_sums(model, parts, means)
    merged = halves[0].merge(halves[1])
    assert merged.examples == whole.examples == 90
    assert merged.sums == pytest.approx(whole.sums, rel=1e-12)
    assert merged.squares == pytest.approx(whole.squares, rel=1e-12)


def test_merged_means_equal_the_mean_of_the_whole() -> None:
    first = MeanEmbeddings({"f": torch.tensor([3.0, 0.0], dtype=torch.float64)}, 3)
    second = MeanEmbeddings({"f": torch.tensor([5.0, 8.0], dtype=torch.float64)}, 1)
    assert first.merge(second).means()["f"].tolist() == [2.0, 2.0]


def test_a_field_that_is_the_same_everywhere_scores_zero(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    with torch.no_grad():
        model.embeddings.weight("user").fill_(0.25)
    assert scored(model, batches(config, model, 32)).score("user") == 0.0


def test_scoring_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    scored(model, batches(config, model, 32))
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_dropout_is_off_while_scoring(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    model.head.deep.insert(2, nn.Dropout(0.5))  # type: ignore[operator, union-attr]
    model.train()
    parts = batches(config, model, 32)
    assert scored(model, parts) == scored(model, parts)


def test_one_example_has_an_infinite_standard_error() -> None:
    assert ScoreSums({"f": 1.0}, {"f": 1.0}, 1).standard_error("f") == float("inf")
