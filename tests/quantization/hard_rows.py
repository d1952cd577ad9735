"""Rows that fp16 qparams find hard, next to ordinary ones."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

LARGEST_FP16 = 65504.0
ROWS = 64


@st.composite
def hard_rows(draw: st.DrawFn) -> Tensor:
    """float32 (64, D): offsets up to fp16's limit, ranges from nothing to thousands, D up to 33."""
    dim, kind = draw(st.integers(1, 33)), draw(st.sampled_from([anywhere, near_the_rules_border]))
    offset, spread, random = kind(np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    values = offset + random.normal(size=(ROWS, dim)) * spread
    if draw(st.booleans()):
        values = offset + random.integers(0, 4, size=(ROWS, dim)) / 3 * spread
    return torch.from_numpy(values.clip(-LARGEST_FP16, LARGEST_FP16)).float()


Kind = tuple[np.ndarray, np.ndarray, np.random.Generator]


def anywhere(random: np.random.Generator) -> Kind:
    offset = random.normal(size=(ROWS, 1)) * 10.0 ** random.uniform(-9, 5, size=(ROWS, 1))
    spread = 10.0 ** random.uniform(-12, 4, size=(ROWS, 1))
    return offset, spread * random.integers(0, 2, size=(ROWS, 1)), random


def near_the_rules_border(random: np.random.Generator) -> Kind:
    """Offsets around powers of two, where fp16's steps double, and ranges of a few such steps."""
    power = 2.0 ** random.integers(-26, 17, size=(ROWS, 1))
    sign = random.choice([-1.0, 1.0], size=(ROWS, 1))
    offset = sign * power * (1 + random.integers(-3, 4, size=(ROWS, 1)) * 2.0**-11)
    return offset, power * 2.0 ** random.uniform(-13, 0, size=(ROWS, 1)), random
