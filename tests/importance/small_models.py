"""A small model and its examples, and a model that can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field, Importance
from shark_core.importance.score_sums import ScoreSums
from shark_core.importance.scoring import importance_method, mean_embeddings, score_sums
from shark_core.lake import Lake
from shark_core.models.batch import Batch, FieldRows
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.device import batches_on
from shark_core.models.embedding_collection import EmbeddingCollection
from shark_core.models.model_spec import ModelSpec
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, SlicePart
from tests.example_lake import DAY, tiny_config, tiny_lake

CPU = torch.device("cpu")
Logit = Callable[[Tensor], Tensor]


def setting(root: Path, head: str = "deepfm", rows: int = 90) -> tuple[PipelineConfig, CtrModel]:
    """A model whose tables are far from zero, so that scores are too."""
    config = tiny_config(root, model={"head": head, "hidden_units": [8]})
    tiny_lake(config, DAY, rows=rows)
    model = build_model(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name in model.kept:
            model.embeddings.weight(name).normal_(std=0.5, generator=generator)
    return config, model


def batches(config: PipelineConfig, model: CtrModel, size: int) -> list[Batch]:
    whole = Slice("whole", (SlicePart(DAY),))
    return list(batches_on(CPU, ExampleReader(Lake(config.lake), config, whole), size))


def scored(
    model: CtrModel,
    parts: list[Batch],
    method: str,
    replacement: str = "mean",
    precision: str = "fp32",
    tasks: Mapping[str, float] | None = None,
) -> ScoreSums:
    settings = Importance(method=method, replacement=replacement, precision=precision)  # type: ignore[arg-type]
    means = mean_embeddings(model, parts).means()
    return score_sums(model, parts, importance_method(settings, means, seed=0, tasks=tasks))


class Sum(nn.Module):
    """`z = Σ_f Σ_d e_{f,d}`."""

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return torch.cat([*pooled.values()], dim=1).sum(dim=1)


class Gives(Sum):
    """`output(z)` of the sum's `z`, whatever that is."""

    def __init__(self, output: Callable[[Tensor], Any], **attributes: Any) -> None:
        super().__init__()
        self.output = output
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Any:
        return self.output(super().forward(pooled, dense))


def drawn(probabilities: Tensor, seed: int = 0) -> Tensor:
    """Labels of these probabilities."""
    return torch.bernoulli(probabilities, generator=torch.Generator().manual_seed(seed))


def labelled(model: CtrModel, parts: list[Batch], probability: Logit) -> list[Batch]:
    """The batches with labels of these probabilities, by the `z` of `Sum`."""
    found = []
    for number, part in enumerate(parts):
        z = Sum()(model.embeddings(part), part.dense).detach()
        found.append(replace(part, label=drawn(probability(z), number)))
    return found


def giving(
    root: Path, output: Logit, probability: Logit, size: int = 512
) -> tuple[CtrModel, list[Batch]]:
    """A model that gives `output(z)` and 2,000 examples, positive with `probability(z)`."""
    config, model = setting(root, rows=2000)
    model.head = Gives(output)
    return model, labelled(model, batches(config, model, size), probability)


def by_hand(root: Path) -> tuple[CtrModel, Batch]:
    """One field of one dimension: e = 0 and y = 1, e = 2 and y = 0; the mean is 1."""
    field = Field(name="f", column="f", encoding="identity", num_embeddings=2, embedding_dim=1)
    spec = ModelSpec(model=tiny_config(root).model, fields=(field,), dense_features=())
    model = CtrModel(spec, EmbeddingCollection([field], seed=0), Sum())
    with torch.no_grad():
        model.embeddings.weight("f").copy_(torch.tensor([[0.0], [2.0]]))
    rows = FieldRows(torch.tensor([0, 1]), torch.tensor([0, 1, 2]))
    return model, Batch(torch.tensor([1.0, 0.0]), torch.zeros(2, 0), {"f": rows})
