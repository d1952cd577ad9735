"""Pooling, pruning and initial weights of embedding tables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import ConfigError
from shark_core.models.batch import Batch, FieldRows
from shark_core.models.embedding_collection import EmbeddingCollection
from tests.example_lake import tiny_config


def two_tags(pooling: Literal["sum", "mean"]) -> tuple[EmbeddingCollection, Batch]:
    """Three examples with the rows [1, 3], [] and [2]."""
    field = Field(
        name="tags",
        column="tags",
        encoding="identity",
        num_embeddings=4,
        embedding_dim=2,
        pooling=pooling,
    )
    rows = FieldRows(torch.tensor([1, 3, 2]), torch.tensor([0, 2, 2, 3]))
    batch = Batch(torch.zeros(3), torch.zeros(3, 0), {"tags": rows})
    return EmbeddingCollection([field], seed=0), batch


@pytest.mark.parametrize(("pooling", "share"), [("sum", 1.0), ("mean", 0.5)])
def test_a_multi_valued_field_is_pooled(pooling: Literal["sum", "mean"], share: float) -> None:
    collection, batch = two_tags(pooling)
    weight = collection.weight("tags")
    expected = torch.stack([share * (weight[1] + weight[3]), torch.zeros(2), weight[2]])
    torch.testing.assert_close(collection(batch)["tags"], expected)


def test_a_single_valued_field_gives_its_rows(config: PipelineConfig, batch: Batch) -> None:
    collection = EmbeddingCollection(config.fields, seed=0)
    rows = batch.ids["item"].values
    assert torch.equal(collection(batch)["item"], collection.weight("item")[rows])


def test_fields_come_in_the_config_order_whatever_is_pruned(
    config: PipelineConfig, batch: Batch
) -> None:
    collection = EmbeddingCollection(config.fields, seed=0)
    collection.prune("user", torch.ones(4))
    pooled = collection(batch)
    assert list(pooled) == ["user", "item", "tags"]
    assert [tuple(vector.shape) for vector in pooled.values()] == [(64, 4), (64, 6), (64, 4)]


def test_a_pruned_field_is_its_constant_and_needs_no_ids(
    config: PipelineConfig, batch: Batch
) -> None:
    collection = EmbeddingCollection(config.fields, seed=0)
    collection.prune("user", torch.arange(4.0))
    without = Batch(batch.label, batch.dense, {k: batch.ids[k] for k in ("item", "tags")})
    assert torch.equal(collection(without)["user"], torch.arange(4.0).expand(64, 4))


def test_a_constant_of_another_dimension_is_refused(config: PipelineConfig) -> None:
    with pytest.raises(ConfigError, match="'user' cannot be pruned"):
        EmbeddingCollection(config.fields, seed=0).prune("user", torch.ones(5))


def test_a_field_is_pruned_only_once(config: PipelineConfig) -> None:
    collection = EmbeddingCollection(config.fields, seed=0)
    collection.prune("user", torch.ones(4))
    with pytest.raises(ConfigError, match="a field with a table"):
        collection.prune("user", torch.ones(4))


def test_initial_rows_do_not_depend_on_other_fields(tmp_path: Path) -> None:
    fields = tiny_config(tmp_path).fields
    alone = EmbeddingCollection(fields[1:2], seed=3)
    together = EmbeddingCollection(fields, seed=3)
    assert torch.equal(alone.weight("item"), together.weight("item"))


def test_initial_rows_depend_on_the_seed(config: PipelineConfig) -> None:
    first, second = (EmbeddingCollection(config.fields, seed).weight("user") for seed in (0, 1))
    assert not torch.equal(first, second)
