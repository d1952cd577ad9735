"""Row-wise affine 8-bit codes: `x ≈ scale·code + bias`, with fp16 scale and bias for each row.

Two rules choose a row's qparams; both keep every value within half a scale step.

* **FBGEMM's rule** (`FloatToFusedNBitRowwiseQuantizedSBHalf`, `QuantUtils.cc`): bias = fp16(min),
  scale = fp16((max − bias) / 255). Its bits are followed wherever the range is wide next to the
  offset, which is nearly every trained row.
* **The power-of-two rule**, where fp16 would spoil the first: a scale that underflows, a bias that
  rounds past the row's whole range. bias = min rounded *down* to fp16, scale = the smallest power
  of two that reaches max, not finer than fp16's or the values' own resolution: at most twice the
  best. Where all codes then share a power of two, it moves from the codes to the scale.

Why decoded rows are fixed points (`decode(encode(x)) = y` implies `decode(encode(y)) = y`): under
FBGEMM's rule with |bias| ≤ 768·scale and scale ≥ 2⁻¹⁶ the codes 0 and 255 are both in use and
fp32 holds 255·scale + bias closely enough to find the same scale and bias again. Under the
power-of-two rule every decoded value is exact in fp32, a second encoding finds the same grid or a
refinement of it, and the coarsest grid that holds the decoded values is the one stored. Rows near
the border take the power-of-two rule only where it is exact, so that no row changes sides: a
published table decodes to exactly the weights that finetuning snapped to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

LARGEST_CODE = 255
SMALLEST_FP16_EXPONENT = -24  # 2**-24 is fp16's smallest subnormal
FP32_FRACTION_BITS = 23


@dataclass(frozen=True)
class AffineRows:
    """N encoded rows: what is stored of them, codes still as float32 whole numbers."""

    codes: Tensor  # (N, D) float32, whole numbers in [0, 255]
    scale: Tensor  # (N, 1) float16, positive
    bias: Tensor  # (N, 1) float16

    def decode(self) -> Tensor:
        """`scale·code + bias` in fp32; the product is exact, so fused or not gives the same."""
        return self.codes * self.scale.float() + self.bias.float()  # (N, D)

    def with_rows(self, rows: Tensor, other: Self) -> AffineRows:
        """A copy in which `rows` (K,) are replaced by the K rows of `other`."""
        return AffineRows(
            self.codes.index_copy(0, rows, other.codes),
            self.scale.index_copy(0, rows, other.scale),
            self.bias.index_copy(0, rows, other.bias),
        )


def encode(rows: Tensor) -> AffineRows:
    """Encode float32 rows (N, D) whose values are finite and within fp16's range.

    Idempotent: `encode(encode(rows).decode())` has the same codes, scale and bias.
    """
    rows = rows + 0.0  # -0.0 becomes 0.0
    plain = _fbgemm_rule(rows)
    narrow = (~_wide(plain, offset=512.0, scale_exponent=-15)).flatten().nonzero().flatten()
    if len(narrow) == 0:
        return plain
    return plain.with_rows(narrow, _encode_narrow(rows[narrow]))


def _encode_narrow(rows: Tensor) -> AffineRows:
    """Rows whose range is small next to their offset, or small next to fp16's resolution."""
    plain, stepped = _fbgemm_rule(rows), _power_of_two_rule(rows)
    exact = (stepped.decode() == rows).all(dim=1, keepdim=True)  # (N, 1)
    wide = _wide(plain, offset=768.0, scale_exponent=-16)
    chosen = (exact | ~wide).flatten().nonzero().flatten()
    taken = AffineRows(stepped.codes[chosen], stepped.scale[chosen], stepped.bias[chosen])
    return plain.with_rows(chosen, taken)


def _wide(encoded: AffineRows, *, offset: float, scale_exponent: int) -> Tensor:
    """Whether each row's range is wide enough for FBGEMM's rule: bool (N, 1)."""
    scale, bias = encoded.scale.float(), encoded.bias.float()
    return (scale >= 2.0**scale_exponent) & (bias.abs() <= offset * scale)


def _fbgemm_rule(rows: Tensor) -> AffineRows:
    low, high = torch.aminmax(rows, dim=1, keepdim=True)  # (N, 1) each
    bias = low.half()
    # Any scale decodes a constant row exactly if fp16 holds it; FBGEMM takes 1.
    constant = (low == high) & (high == bias.float())
    scale = torch.where(constant, 1.0, (high - bias.float()) / LARGEST_CODE).half()
    codes = (rows - bias.float()) * (1.0 / scale.float())
    return AffineRows(codes.round_().clamp_(0, LARGEST_CODE), scale, bias)


def _power_of_two_rule(rows: Tensor) -> AffineRows:
    scale = _power_of_two_scale(rows)
    bias = _half_rounded_down(rows.amin(dim=1, keepdim=True)).double()
    decoded = ((rows.double() - bias) / scale).round_() * scale + bias  # (N, D)
    bias = _half_rounded_down(decoded.amin(dim=1, keepdim=True).float())
    codes = ((decoded - bias.double()) / scale).int()
    lowest_bit = torch.where(codes == 0, LARGEST_CODE + 1, codes & -codes)
    shared = lowest_bit.amin(dim=1, keepdim=True)  # (N, 1)
    constant = shared > LARGEST_CODE
    return AffineRows(
        (codes // shared).float(), torch.where(constant, 1.0, scale * shared).half(), bias
    )


def _power_of_two_scale(rows: Tensor) -> Tensor:
    """The smallest power of two, float64 (N, 1), with which 255 steps reach from bias to max."""
    low, high = torch.aminmax(rows, dim=1, keepdim=True)
    bias = _half_rounded_down(low)
    step = (high.double() - bias.double()) / LARGEST_CODE
    mantissa, exponent = torch.frexp(step)  # step = mantissa·2**exponent, mantissa in [0.5, 1)
    exponent = exponent - (mantissa == 0.5).int()
    magnitude = torch.maximum(bias.float().abs(), high.abs())
    resolution = torch.frexp(magnitude).exponent - 1 - FP32_FRACTION_BITS
    exponent = torch.maximum(exponent, resolution).clamp_min(SMALLEST_FP16_EXPONENT)
    return torch.ldexp(torch.ones_like(step), exponent)


def _half_rounded_down(values: Tensor) -> Tensor:
    """The largest fp16 number that is not above each value."""
    nearest = values.half()
    below = torch.nextafter(nearest, torch.full_like(nearest, -torch.inf))
    return torch.where(nearest.float() > values, below, nearest)
