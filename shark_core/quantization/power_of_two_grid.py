"""Codes on a grid whose step is a power of two: for rows whose range is small next to fp16's steps.

    values   multiples of `step`, the smallest power of two for which the codes fit
    bias     the largest fp16 number that is not above the smallest value
    scale    `step`, times the power of two that all codes share

Every number in it is a multiple of `step`, so nothing is rounded after the values were. Encoding
decoded values finds a step that divides the first, hence the same values; bias and scale follow
from the values alone, hence the same bytes. `step` is not finer than fp16's smallest number or
than the values' own resolution in fp32.
"""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST_FP16 = 65504.0
FINEST_STEP = 2.0**-24  # fp16's smallest subnormal
FP32_FRACTION_BITS = 23


def power_of_two_codes(rows: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows (N, D) float32 → codes float32 (N, D), scale fp16, bias fp16, step float32 (N, 1) each.

    Values are within half a step of the rows.
    """
    exponent, largest = _finest_exponent(rows, bits), 2**bits - 1
    while True:
        step = torch.ldexp(torch.ones_like(exponent, dtype=torch.float64), exponent)  # (N, 1)
        lowest = -(LARGEST_FP16 / step).floor() * step
        values = torch.maximum((rows.double() / step).round() * step, lowest)  # (N, D)
        bias = half_rounded_down(values.amin(dim=1, keepdim=True).float())
        codes = ((values - bias.double()) / step).long()
        too_large = codes.amax(dim=1, keepdim=True) > largest
        if not bool(too_large.any()):
            break
        exponent = exponent + too_large.int()
    shared = torch.where(codes == 0, largest + 1, codes & -codes).amin(dim=1, keepdim=True)
    constant = shared > largest  # any scale will do: FBGEMM takes 1
    scale = torch.where(constant, 1.0, step * shared).half()
    return (codes // shared).float(), scale, bias, step.float()


def half_rounded_down(values: Tensor) -> Tensor:
    """The largest fp16 number that is not above each value."""
    nearest = values.half()
    below = torch.nextafter(nearest, torch.full_like(nearest, -torch.inf))
    return torch.where(nearest.float() > values, below, nearest) + 0.0  # no -0.0


def _finest_exponent(rows: Tensor, bits: int) -> Tensor:
    """int32 (N, 1): no smaller power of two can span the row's range by `2**bits` steps."""
    low, high = torch.aminmax(rows, dim=1, keepdim=True)
    spread = (high.double() - low.double()).clamp_min(FINEST_STEP)
    mantissa, exponent = torch.frexp(spread)  # mantissa in [0.5, 1)
    spanning = exponent - (mantissa == 0.5).int() - bits
    magnitude = torch.maximum(low.abs(), high.abs())
    resolution = torch.frexp(magnitude).exponent - 1 - FP32_FRACTION_BITS
    return torch.maximum(spanning, resolution).clamp_min(-24)  # FINEST_STEP
