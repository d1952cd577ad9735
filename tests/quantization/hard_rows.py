"""Rows that fp16 qparams find hard, next to ordinary ones."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

LARGEST_FP16 = 65504.0


@st.composite
def hard_rows(draw: st.DrawFn) -> Tensor:
    """float32 (N, D): offsets up to fp16's limit, ranges from nothing to thousands, any D."""
    dim = draw(st.sampled_from([1, 2, 3, 8, 16, 33]))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    offset = random.normal(size=(64, 1)) * 10.0 ** random.uniform(-9, 5, size=(64, 1))
    spread = 10.0 ** random.uniform(-12, 4, size=(64, 1)) * random.integers(0, 2, size=(64, 1))
    values = offset + random.normal(size=(64, dim)) * spread
    return torch.from_numpy(values.clip(-LARGEST_FP16, LARGEST_FP16)).float()
