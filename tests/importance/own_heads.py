"""Heads that a user may write, and a config name, that do not give one logit an example."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shark_core.models.heads.deepfm import DeepFM


class Sigmoid(DeepFM):
    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return super().forward(pooled, dense).sigmoid()


class LogSigmoid(DeepFM):
    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return F.logsigmoid(super().forward(pooled, dense))


class TwoColumns(nn.Module):
    tasks = ("click", "like")

    def __init__(self, **options: object) -> None:
        super().__init__()

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        return torch.zeros(len(dense), 2)
