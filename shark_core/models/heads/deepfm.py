"""DeepFM: Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction"
(IJCAI 2017, arXiv 1703.04247)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from shark_core.models.heads.layers import CommonDim, joined, mlp


class DeepFM(nn.Module):
    """`z = ⟨w, x⟩ + Σ_{i<j} ⟨v_i, v_j⟩ + MLP([v_1 … v_n, dense])`

    The pairwise sum is `½ Σ_d ((Σ_i v_{i,d})² − Σ_i v_{i,d}²)`.

    The first-order part `⟨w, x⟩` is a Linear over the pooled embeddings and dense features, where
    the paper has one weight per value, that is a second table per field of dimension 1. Reading the
    one table keeps a field's bytes and its importance in one place.
    """

    def __init__(
        self, field_dims: dict[str, int], num_dense: int, hidden_units: Sequence[int]
    ) -> None:
        super().__init__()
        width = sum(field_dims.values()) + num_dense
        self.first_order = nn.Linear(width, 1)
        self.common = CommonDim(field_dims)
        self.deep = mlp(width, hidden_units, outputs=1)

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        inputs = joined(pooled, dense)  # (B, Σ D_f + F)
        vectors = self.common(pooled)  # (B, fields, D)
        square_of_sum = vectors.sum(dim=1).square()  # (B, D)
        sum_of_squares = vectors.square().sum(dim=1)  # (B, D)
        pairwise = 0.5 * (square_of_sum - sum_of_squares).sum(dim=1)  # (B,)
        linear = (self.first_order(inputs) + self.deep(inputs)).squeeze(1)  # (B,)
        return linear + pairwise
