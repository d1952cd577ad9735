"""DCN-v2: Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale
Learning to Rank Systems" (WWW 2021, arXiv 2008.13535)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shark_core.models.heads.layers import joined, mlp


class DCNv2(nn.Module):
    """Cross layers beside an MLP ("parallel structure"), a Linear over both: `z = ⟨w, [x_L, h]⟩`.

    Cross layer, low-rank form (TorchRec: `LowRankCrossNet`):
    `x_{l+1} = x_0 ⊙ (U_l (V_l x_l) + b_l) + x_l` with `V (r, n)`, `U (n, r)`; r = `low_rank`, and 0
    gives the full matrix `W_l (n, n)` instead (`CrossNet`); at 40 fields of dimension 16 that is
    n²·layers = 1.2 million weights, low rank 64 a fifth of them.
    """

    def __init__(
        self,
        field_dims: dict[str, int],
        num_dense: int,
        hidden_units: Sequence[int],
        cross_layers: int = 2,
        low_rank: int = 64,
    ) -> None:
        super().__init__()
        width = sum(field_dims.values()) + num_dense
        self.crosses = nn.ModuleList(_cross(width, low_rank) for _ in range(cross_layers))
        self.deep = mlp(width, hidden_units)
        self.output = nn.Linear(width + (width, *hidden_units)[-1], 1)

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        first = joined(pooled, dense)  # (B, n)
        crossed = first
        for cross in self.crosses:
            crossed = first * cross(crossed) + crossed  # (B, n)
        return self.output(torch.cat([crossed, self.deep(first)], dim=1)).squeeze(1)  # (B,)


def _cross(width: int, low_rank: int) -> nn.Module:
    if low_rank == 0:
        return nn.Linear(width, width)
    return nn.Sequential(nn.Linear(width, low_rank, bias=False), nn.Linear(low_rank, width))
