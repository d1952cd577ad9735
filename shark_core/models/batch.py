"""A batch of examples as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from shark_core.traffic.examples import ExampleBatch


@dataclass(frozen=True)
class FieldRows:
    """A field's row ids: example i reads the rows `values[offsets[i]:offsets[i + 1]]`."""

    values: Tensor  # (N,) int64
    offsets: Tensor  # (B + 1,) int64

    def to(self, device: torch.device) -> FieldRows:
        return FieldRows(self.values.to(device), self.offsets.to(device))


@dataclass(frozen=True)
class Batch:
    label: Tensor  # (B,) float32
    dense: Tensor  # (B, F) float32
    ids: dict[str, FieldRows]

    @classmethod
    def of(cls, examples: ExampleBatch, device: torch.device) -> Self:
        ids = {
            name: FieldRows(torch.from_numpy(field.values), torch.from_numpy(field.offsets))
            for name, field in examples.ids.items()
        }
        label, dense = torch.from_numpy(examples.label), torch.from_numpy(examples.dense)
        return cls(label, dense, ids).to(device)

    def to(self, device: torch.device) -> Self:
        ids = {name: rows.to(device) for name, rows in self.ids.items()}
        return type(self)(self.label.to(device), self.dense.to(device), ids)

    def __len__(self) -> int:
        return len(self.label)
