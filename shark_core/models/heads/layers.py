"""Layers that several heads share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


def mlp(inputs: int, hidden_units: Sequence[int], outputs: int | None = None) -> nn.Sequential:
    """Linear + ReLU per hidden layer, then a Linear to `outputs` without ReLU where given."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise((inputs, *hidden_units)):
        layers += [nn.Linear(width_in, width_out), nn.ReLU()]
    if outputs is not None:
        layers.append(nn.Linear((inputs, *hidden_units)[-1], outputs))
    return nn.Sequential(*layers)


def joined(pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
    """Pooled embeddings and dense features side by side: `(B, Σ D_f + F)`."""
    return torch.cat([*pooled.values(), dense], dim=1)


class CommonDim(nn.Module):
    """Brings fields to one dimension: `(B, D_f)` each → `(B, fields, D)` with `D = max D_f`.

    Narrower fields pass a Linear without bias, as in mixed-dimension embeddings (Ginart et al.,
    arXiv 1909.11810); without bias, an empty bag stays the zero vector.
    """

    def __init__(self, field_dims: dict[str, int]) -> None:
        super().__init__()
        self.dim = max(field_dims.values())
        self.projections = nn.ModuleDict(
            {
                name: nn.Linear(dim, self.dim, bias=False)
                for name, dim in field_dims.items()
                if dim != self.dim
            }
        )

    def forward(self, pooled: dict[str, Tensor]) -> Tensor:
        vectors = [
            self.projections[name](vector) if name in self.projections else vector
            for name, vector in pooled.items()
        ]
        return torch.stack(vectors, dim=1)  # (B, fields, D)
