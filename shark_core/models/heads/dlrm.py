"""DLRM: Naumov et al., "Deep Learning Recommendation Model for Personalization and Recommendation
Systems" (arXiv 1906.00091)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shark_core.models.heads.layers import CommonDim, mlp


class DLRM(nn.Module):
    """`z = MLP_top([b, ⟨v_i, v_j⟩ for i < j])`, with `b = MLP_bottom(dense)` as one of the `v`.

    The interactions are dot products of every pair of vectors; embeddings reach the top MLP through
    them only. Without dense features there is no bottom MLP and no `b`.
    """

    pairs: Tensor

    def __init__(
        self, field_dims: dict[str, int], num_dense: int, hidden_units: Sequence[int]
    ) -> None:
        super().__init__()
        self.common = CommonDim(field_dims)
        dim = self.common.dim
        self.bottom = mlp(num_dense, [*hidden_units[-1:], dim]) if num_dense else None
        vectors = len(field_dims) + bool(num_dense)
        pairs = torch.tril_indices(vectors, vectors, offset=-1)  # (2, pairs)
        self.register_buffer("pairs", pairs, persistent=False)
        top_inputs = dim * bool(num_dense) + pairs.shape[1]
        self.top = mlp(top_inputs, hidden_units, outputs=1)

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        vectors = self.common(pooled)  # (B, fields, D)
        bottom = dense if self.bottom is None else self.bottom(dense)  # (B, D) or (B, 0)
        if self.bottom is not None:
            vectors = torch.cat([bottom.unsqueeze(1), vectors], dim=1)  # (B, 1 + fields, D)
        products = torch.bmm(vectors, vectors.transpose(1, 2))  # (B, vectors, vectors)
        interactions = products[:, self.pairs[0], self.pairs[1]]  # (B, pairs)
        return self.top(torch.cat([bottom, interactions], dim=1)).squeeze(1)  # (B,)
