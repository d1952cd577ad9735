"""Wide & Deep: Cheng et al., "Wide & Deep Learning for Recommender Systems" (arXiv 1606.07792)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from shark_core.models.heads.layers import joined, mlp


class WideDeep(nn.Module):
    """`z = ⟨w, x⟩ + MLP(x)` with `x` = pooled embeddings and dense features.

    The wide part is a Linear over the pooled embeddings, where the paper has one weight per value
    and per crossed value. Reading the one table keeps a field's bytes and its importance in one
    place; a cross is a field of its own in the pipeline config.
    """

    def __init__(
        self, field_dims: dict[str, int], num_dense: int, hidden_units: Sequence[int]
    ) -> None:
        super().__init__()
        width = sum(field_dims.values()) + num_dense
        self.wide = nn.Linear(width, 1)
        self.deep = mlp(width, hidden_units, outputs=1)

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        inputs = joined(pooled, dense)  # (B, Σ D_f + F)
        return (self.wide(inputs) + self.deep(inputs)).squeeze(1)  # (B,)
