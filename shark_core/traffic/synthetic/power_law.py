"""Slots drawn by a power law, through the inverse of its continuous distribution function."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PowerLaw:
    """Slot r in 0 … cardinality−1 is drawn with p(r) = F(r+2) − F(r+1), where

        F(x) = (x^(1−s) − 1) / ((C+1)^(1−s) − 1),   F(x) = log x / log(C+1) for s = 1

    is the distribution function of the density ~ x^−s on [1, C+1). One power per draw, no table.
    """

    cardinality: int
    exponent: float

    def slots(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """Uniform numbers of [0, 1) (N,) → slots (N,)."""
        end = float(self.cardinality + 1)
        if self.exponent == 1.0:
            x = np.exp(uniform * math.log(end))
        else:
            power = 1.0 - self.exponent
            x = (1.0 + uniform * (end**power - 1.0)) ** (1.0 / power)
        return np.minimum(x.astype(np.int64) - 1, self.cardinality - 1)

    def probabilities(self) -> NDArray[np.float64]:
        """p of each slot (C,); they sum to one."""
        x = np.arange(1, self.cardinality + 2, dtype=np.float64)  # (C + 1,)
        primitive = np.log(x) if self.exponent == 1.0 else x ** (1.0 - self.exponent)
        return np.diff(primitive) / (primitive[-1] - primitive[0])
