"""Affine codes with one scale and bias for all rows: `x ≈ scale·code + bias`, no qparams a row.

Both parameters are fp32. The scale has 16 significant bits, so that `scale·code` is exact and
fused or not gives the same value; it is never finer than what fp32 resolves well at the bias, so
that a decoded value is nearest to its own code, and never so large that the grid overflows. Values
beyond the grid's ends go to the ends.
"""

from __future__ import annotations

import torch
from torch import Tensor

SIGNIFICANT_BITS = 16
FINEST_SCALE = 2.0**-24
FINEST_RELATIVE_SCALE = 2.0**-16  # of |bias|
LARGEST = 2.0**120


def shared_params(scale: float | Tensor, bias: float | Tensor) -> Tensor:
    """The table params (2,) float32 next to any scale and bias, for example learned ones."""
    offset = torch.as_tensor(bias, dtype=torch.float32).reshape(1).clamp(-LARGEST, LARGEST)
    wished = torch.as_tensor(scale, dtype=torch.float32, device=offset.device).reshape(1)
    finest = (offset.abs() * FINEST_RELATIVE_SCALE).clamp_min(FINEST_SCALE)
    mantissa, exponent = torch.frexp(torch.maximum(wished, finest).clamp_max(LARGEST))
    unit = 2.0**SIGNIFICANT_BITS
    return torch.cat([torch.ldexp((mantissa * unit).round() / unit, exponent), offset])


def encode_shared(rows: Tensor, params: Tensor, bits: int) -> Tensor:
    """Rows (N, D) float32 → the codes (N, D) of the nearest grid values, as float32."""
    scale, bias = params
    return ((rows - bias) * (1.0 / scale)).round_().clamp_(0, 2**bits - 1)


def decode_shared(codes: Tensor, params: Tensor) -> Tensor:
    """Codes (N, D) of any type → float32 (N, D)."""
    scale, bias = params
    return codes.float() * scale + bias
