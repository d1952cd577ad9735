"""A click-through model: embedding tables, and a head that turns pooled embeddings into logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shark_core.config import PipelineConfig
from shark_core.models.batch import Batch
from shark_core.models.embedding_collection import EmbeddingCollection
from shark_core.models.head_factory import build_head
from shark_core.models.model_spec import ModelSpec


class CtrModel(nn.Module):
    """`logit = head(pooled embeddings, dense)`; the two halves can be called one by one."""

    def __init__(self, spec: ModelSpec, embeddings: EmbeddingCollection, head: nn.Module) -> None:
        super().__init__()
        self.spec = spec
        self.embeddings = embeddings
        self.head = head

    def forward(self, batch: Batch) -> Tensor:
        """Logits `(B,)`."""
        return self.head(self.embeddings(batch), batch.dense)

    @property
    def kept(self) -> list[str]:
        """The fields that have a table, in the config's order."""
        return [name for name in self.embeddings.names if name in self.embeddings.tables]

    @property
    def pruned(self) -> list[str]:
        """The fields that are a constant, in the config's order."""
        return [name for name in self.embeddings.names if name in self.embeddings.constants]

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device


def build_model(config: PipelineConfig, pruned: Sequence[str] = ()) -> CtrModel:
    """A fresh model; the same config and seed give the same weights. Raises `ConfigError`."""
    return model_from_spec(ModelSpec.of(config), config.training.seed, pruned)


def model_from_spec(spec: ModelSpec, seed: int, pruned: Sequence[str] = ()) -> CtrModel:
    """As `build_model`; the global random state of torch is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = build_head(spec)
    return CtrModel(spec, EmbeddingCollection(spec.fields, seed, pruned), head)
