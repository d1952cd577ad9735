"""Row-wise affine codes of 8, 4 or 2 bits: `x ≈ scale·code + bias`, fp16 scale and bias a row.

Codes run from 0 to L = 2**bits − 1. Two rules choose a row's qparams; both keep every value within
half a step.

* **FBGEMM's rule** (`FloatToFusedNBitRowwiseQuantizedSBHalf`, `QuantUtils.cc`): bias = fp16(min),
  scale = fp16((max − bias) / L). Its bits are followed wherever the scale is coarse next to what
  fp16 resolves, which is nearly every trained row.
* **The power-of-two rule** (`power_of_two_grid.py`), where fp16 would spoil the first: a scale that
  underflows, a bias that rounds past much of the row's range.

Why decoded rows are fixed points, and why no row changes sides. Let u be the distance of fp16
numbers at the bias and r = max(u, 2**(bits − 24)).

1. Where scale ≥ 1.25 r, FBGEMM's rule finds its own parameters again: (min − bias) / scale is at
   most 0.4 and (max − bias) / scale at least L − 0.4, so codes 0 and L are in use, and fp32 holds
   L·scale + bias (|bias| < 2048 u) closely enough to round to the same fp16 scale.
2. The power-of-two rule finds the same bytes for what it decoded, whatever led to it.
3. Decoding moves a scale that was below 1.25 r by less than `surely_wide / 1.25`, so that such a
   row stays below `surely_wide · r`. Between the two limits a row takes the power-of-two rule only
   if that holds it exactly. FBGEMM's rule cannot have decoded such a row unless its scale is a
   power of two, for L is odd; then both rules give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from shark_core.quantization.power_of_two_grid import FINEST_STEP, power_of_two_codes

QPARAM_BYTES = 4
POSSIBLY_WIDE = 1.25
SURELY_WIDE = {8: 3.0, 4: 4.0, 2: 8.0}  # fewer bits: rounding moves a row's ends by more of a step


@dataclass(frozen=True)
class AffineRows:
    """N encoded rows: what is stored of them, codes still as float32 whole numbers.

    `step` is the distance to which values were rounded: the scale, or less where a power of two
    that all codes share was moved to the scale, or where a constant row is held exactly.
    """

    codes: Tensor  # (N, D) float32, whole numbers in [0, 2**bits)
    scale: Tensor  # (N, 1) float16, positive
    bias: Tensor  # (N, 1) float16
    step: Tensor  # (N, 1) float32, positive

    def decode(self) -> Tensor:
        return decode(self.codes, self.scale, self.bias)

    def with_rows(self, rows: Tensor, other: Self) -> AffineRows:
        """A copy in which `rows` (K,) are replaced by the K rows of `other`."""
        return AffineRows(
            self.codes.index_copy(0, rows, other.codes),
            self.scale.index_copy(0, rows, other.scale),
            self.bias.index_copy(0, rows, other.bias),
            self.step.index_copy(0, rows, other.step),
        )

    def take(self, rows: Tensor) -> AffineRows:
        return AffineRows(self.codes[rows], self.scale[rows], self.bias[rows], self.step[rows])


def encode(rows: Tensor, bits: int) -> AffineRows:
    """Encode float32 rows (N, D) whose values are finite and within fp16's range.

    Idempotent: `encode(encode(rows).decode())` has the same codes, scale and bias.
    """
    plain = _fbgemm_rule(rows, bits)
    narrow = _is_below(plain, SURELY_WIDE[bits], bits)  # (M,)
    if len(narrow) == 0:
        return plain
    return plain.with_rows(narrow, _encode_narrow(rows[narrow], bits))


def decode(codes: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """`scale·code + bias` in fp32 (N, D); the product is exact, so fused or not gives the same."""
    return codes.float() * scale.float() + bias.float()


def _encode_narrow(rows: Tensor, bits: int) -> AffineRows:
    """Rows whose scale is fine next to what fp16 resolves at their bias."""
    plain = _fbgemm_rule(rows, bits)
    stepped = AffineRows(*power_of_two_codes(rows, bits))
    exact = (stepped.decode() == rows).all(dim=1)  # (N,)
    exact[_is_below(plain, POSSIBLY_WIDE, bits)] = True
    chosen = exact.nonzero().flatten()
    return plain.with_rows(chosen, stepped.take(chosen))


def _is_below(encoded: AffineRows, limit: float, bits: int) -> Tensor:
    """The rows (M,) whose scale is below `limit` times what fp16 resolves at their bias."""
    exponent = (encoded.bias.view(torch.int16) >> 10) & 31  # fp16's exponent field
    spacing = torch.ldexp(torch.ones_like(encoded.step), exponent.clamp_min(1) - 25)  # (N, 1)
    resolved = spacing.clamp_min(2.0 ** (bits - 24))
    return (~(encoded.scale.float() >= limit * resolved)).flatten().nonzero().flatten()


def _fbgemm_rule(rows: Tensor, bits: int) -> AffineRows:
    largest = 2**bits - 1
    low, high = torch.aminmax(rows, dim=1, keepdim=True)  # (N, 1) each
    bias = low.half() + 0.0  # -0.0 becomes 0.0
    # Any scale decodes a constant row exactly if fp16 holds it; FBGEMM takes 1.
    constant = (low == high) & (high == bias.float())
    # By a tensor: CUDA multiplies by a number's reciprocal, which rounds in another way.
    scale = (high - bias.float()) / torch.full_like(high, largest)
    scale = torch.where(constant, 1.0, scale).half()
    codes = (rows - bias.float()) * (1.0 / scale.float())
    codes = codes.round_().clamp_(0, largest)
    return AffineRows(codes, scale, bias, torch.where(constant, FINEST_STEP, scale.float()))
