"""The scale and bias of a whole tier: the least weighted squared error that a short search finds.

    rows ──▶ histogram ──▶ best of a few clipping ranges ──▶ rounds of least squares

Rows are read twice, a chunk at a time; the search looks at the histogram only. A round assigns
codes, then sets scale and bias by linear regression of values on codes: neither can raise the
error (Lloyd's algorithm, held to equal steps).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.quantization.shared_affine import decode_shared, encode_shared, shared_params

BINS = 2048
CHUNK_ROWS = 1 << 16
CLIPPING = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0)  # standard deviations
ROUNDS = 12


@dataclass(frozen=True)
class WeightedValues:
    """The values of many rows as a histogram: of each bin its weight and its mean, float64 (B,)."""

    weight: Tensor
    mean: Tensor

    def error(self, params: Tensor, bits: int) -> float:
        """Weighted squared error of the bins' means."""
        stored = decode_shared(self.codes(params, bits), params).double()
        return float((self.weight * (stored - self.mean).square()).sum())

    def codes(self, params: Tensor, bits: int) -> Tensor:
        return encode_shared(self.mean.float(), params, bits)  # (B,)


def fit_shared(rows: Tensor, weights: Tensor, bits: int) -> Tensor:
    """Table params (2,) float32 for rows (N, D) of weights (N,); see `Scheme.fit`."""
    if rows.numel() == 0:
        return shared_params(0.0, torch.zeros(1, device=rows.device))
    values = _histogram(rows, weights if bool(weights.any()) else torch.ones_like(weights))
    candidates = [_params_over(low, high, bits) for low, high in _clipping_ranges(values)]
    errors = [values.error(params, bits) for params in candidates]
    least, best = min(zip(errors, candidates, strict=True), key=lambda found: found[0])
    for _ in range(ROUNDS):
        refined = _least_squares(values, values.codes(best, bits), best)
        error = values.error(refined, bits)
        if error >= least:
            break
        least, best = error, refined
    return best


def _histogram(rows: Tensor, weights: Tensor) -> WeightedValues:
    low, high = (end.double() for end in torch.aminmax(rows))
    per_value = torch.where(high > low, BINS / (high - low), 0.0)
    weight, total = torch.zeros(2, BINS, dtype=torch.float64, device=rows.device)
    for chunk, shares in zip(
        torch.split(rows, CHUNK_ROWS), torch.split(weights, CHUNK_ROWS), strict=True
    ):
        flat = chunk.double().flatten()
        place = ((flat - low) * per_value).long().clamp_max_(BINS - 1)
        share = shares.double().repeat_interleave(chunk.shape[1])
        weight += torch.bincount(place, share, BINS)
        total += torch.bincount(place, share * flat, BINS)
    filled = weight > 0
    return WeightedValues(weight[filled], total[filled] / weight[filled])


def _clipping_ranges(values: WeightedValues) -> list[tuple[Tensor, Tensor]]:
    """The whole range, and ranges around the mean."""
    low, high = torch.aminmax(values.mean)
    share = values.weight / values.weight.sum()
    mean = (share * values.mean).sum()
    deviation = (share * (values.mean - mean).square()).sum().sqrt()
    around = [(mean - reach * deviation, mean + reach * deviation) for reach in CLIPPING]
    return [(low, high), *((torch.maximum(a, low), torch.minimum(b, high)) for a, b in around)]


def _params_over(low: Tensor, high: Tensor, bits: int) -> Tensor:
    return shared_params((high - low) / (2**bits - 1), low)


def _least_squares(values: WeightedValues, codes: Tensor, before: Tensor) -> Tensor:
    """The scale and bias that store bins of these codes with the least error."""
    share, code = values.weight / values.weight.sum(), codes.double()
    mean_code, mean = (share * code).sum(), (share * values.mean).sum()
    spread = (share * (code - mean_code).square()).sum()
    if float(spread) == 0.0:
        return before
    scale = (share * (code - mean_code) * (values.mean - mean)).sum() / spread
    return shared_params(scale, mean - scale * mean_code)
