"""What a scheme is: how the rows of one tier become bytes, and what those bytes mean.

A row is a fixed number of bytes, so a tier's block is one uint8 tensor (N, row_bytes) that can be
stored, mapped and looked up as it is. What all rows of a tier of one table share is held once, as
its *table params*: a float32 vector (P,).

    params = scheme.fit(rows, weights)              (P,)
    packed = scheme.quantize(rows, params)          uint8 (N, row_bytes(D))
    values = scheme.dequantize(packed, D, params)   float32 (N, D)

Every scheme is exact on rows that it decoded itself: `quantize(values, params) == packed`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

LARGEST_FP16 = 65504.0
LARGEST_FP32 = torch.finfo(torch.float32).max
NO_PARAMS = torch.empty(0)


@dataclass(frozen=True)
class Scheme(ABC):
    """One way to store a tier. None of the methods checks its rows: call `refuse_unstorable` first
    where values may be out of range.

        tier      the tier whose rows it stores
        bits      of a value, without qparams
        largest   absolute value that can be stored; beyond it `refuse_unstorable` raises
    """

    name: str
    tier: str
    bits: int
    largest: float

    @abstractmethod
    def row_bytes(self, dim: int) -> int:
        """Bytes of one row, qparams of its own included."""

    def param_count(self, dim: int) -> int:
        """P, the number of table params."""
        return 0

    def fit(self, rows: Tensor, weights: Tensor) -> Tensor:
        """Table params (P,) float32 for rows (N, D) that matter by their weights (N,) ≥ 0.

        Weights that are all zero count as equal.
        """
        return NO_PARAMS.to(rows.device)

    @abstractmethod
    def quantize(self, rows: Tensor, params: Tensor) -> Tensor:
        """Rows (N, D) float32 → uint8 (N, row_bytes(D))."""

    @abstractmethod
    def dequantize(self, packed: Tensor, dim: int, params: Tensor) -> Tensor:
        """The inverse of `quantize`: float32 (N, D)."""

    def snap(self, rows: Tensor, params: Tensor) -> Tensor:
        """`dequantize(quantize(rows))`: the values (N, D) that the scheme stores for rows."""
        return self.dequantize(self.quantize(rows, params), rows.shape[1], params)

    def step(self, rows: Tensor, params: Tensor) -> Tensor | None:
        """The distance of neighbouring values on each row's grid, float32 (N, 1), positive.

        Values between the ends of a grid are stored within half a step. None where there is no
        grid: floating-point numbers and the fallback row.
        """
        return None
