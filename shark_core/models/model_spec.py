"""What a model is made of: enough to build it again without its pipeline config."""

from __future__ import annotations

from typing import Self

from shark_core.config import PipelineConfig
from shark_core.config_sections import DenseFeature, Field, Model, Section


class ModelSpec(Section):
    """The parts of a pipeline config that fix a model's tensors and their meaning."""

    model: Model
    fields: tuple[Field, ...]
    dense_features: tuple[DenseFeature, ...]

    @classmethod
    def of(cls, config: PipelineConfig) -> Self:
        return cls(model=config.model, fields=config.fields, dense_features=config.dense_features)

    @property
    def field_dims(self) -> dict[str, int]:
        return {field.name: field.embedding_dim for field in self.fields}

    def same_head(self, other: ModelSpec) -> bool:
        """Do the head's weights of one model mean the same in the other?

        A head reads fields and dense features by position, so they must agree in name, order and
        dimension.
        """
        return (
            self.model == other.model
            and list(self.field_dims.items()) == list(other.field_dims.items())
            and self.dense_features == other.dense_features
        )


def rows_that_stay(old: Field, new: Field) -> int:
    """How many leading rows of the old field's table mean the same in the new one.

    A `vocabulary` or `identity` table may grow: row ids never change their meaning. In a `hash`
    table they all change with its size.
    """
    meaning = ("column", "encoding", "embedding_dim", "pooling", "separator")
    if any(getattr(old, key) != getattr(new, key) for key in meaning):
        return 0
    if old.encoding == "hash" and old.num_embeddings != new.num_embeddings:
        return 0
    return min(old.num_embeddings, new.num_embeddings)
