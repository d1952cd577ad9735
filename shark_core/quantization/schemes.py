"""How a tier's rows become bytes: one scheme for each of fp32, fp16 and int8.

    scheme   bytes of a row of dimension D
    fp32     D × fp32, little-endian
    fp16     D × fp16, little-endian
    int8     D × uint8 code, fp16 scale, fp16 bias     (FBGEMM's fused "SBHalf" row)

A row is a fixed number of bytes, so a table is one uint8 tensor (N, row_bytes) that can be stored,
mapped and looked up as it is. All schemes are exact on rows that they decoded themselves:
`quantize(dequantize(packed)) == packed`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.rowwise_affine import AffineRows, encode

LARGEST_FP16 = 65504.0
LARGEST_FP32 = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class Scheme:
    """`quantize`: float32 (N, D) → uint8 (N, row_bytes(D)); `dequantize` is its inverse.

    `snap` is `dequantize(quantize(rows))` without the packing in between. None of the three checks
    its input: call `refuse_unstorable` first where values may be out of range.
    """

    name: str
    largest: float
    row_bytes: Callable[[int], int]
    quantize: Callable[[Tensor], Tensor]
    dequantize: Callable[[Tensor, int], Tensor]
    snap: Callable[[Tensor], Tensor]


def refuse_unstorable(rows: Tensor, scheme: Scheme, field: str, row_ids: Tensor) -> None:
    """Raise `DataError` where rows (N, D) hold NaN, infinity or values that the scheme cannot hold.

    A row that reaches the limit has a grid that may pass it by half a step: what was snapped to it
    is stored exactly. `row_ids` (N,) name the rows in the message.
    """
    if len(rows) == 0 or float(rows.abs().max()) <= scheme.largest:  # NaN fails the comparison
        return
    beyond = ~(rows.abs() <= scheme.largest)
    at_fault = (beyond & ~_is_snapped(rows, scheme)).nonzero()
    if len(at_fault) == 0:
        return
    index, column = (int(number) for number in at_fault[0])
    raise DataError(
        f"an embedding cannot be stored as {scheme.name}",
        expected=f"finite values within ±{scheme.largest:g}",
        found=f"{float(rows[index, column])} at dimension {column}",
        where=f"field {field!r}, row {int(row_ids[index])}",
        remedy="the training diverged: lower the learning rates and train the day again",
    )


def _is_snapped(rows: Tensor, scheme: Scheme) -> Tensor:
    """`(N, 1)` bool: rows that begin within the limit and that the scheme holds exactly."""
    begins = rows.isfinite().all(dim=1, keepdim=True) & (
        rows.amin(dim=1, keepdim=True).abs() <= scheme.largest
    )
    return begins & (scheme.snap(torch.where(begins, rows, 0.0)) == rows).all(dim=1, keepdim=True)


def _float_bytes(rows: Tensor) -> Tensor:
    return rows.contiguous().view(torch.uint8)


def _pack_int8(rows: Tensor) -> Tensor:
    encoded = encode(rows)
    codes = encoded.codes.to(torch.uint8)
    return torch.cat([codes, _float_bytes(encoded.scale), _float_bytes(encoded.bias)], dim=1)


def _unpack_int8(packed: Tensor, dim: int) -> Tensor:
    scale, bias = packed[:, dim : dim + 2], packed[:, dim + 2 :]
    return AffineRows(
        packed[:, :dim].float(),
        scale.contiguous().view(torch.float16),
        bias.contiguous().view(torch.float16),
    ).decode()


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            name="fp32",
            largest=LARGEST_FP32,
            row_bytes=lambda dim: 4 * dim,
            quantize=_float_bytes,
            dequantize=lambda packed, dim: packed.contiguous().view(torch.float32),
            snap=lambda rows: rows,
        ),
        Scheme(
            name="fp16",
            largest=LARGEST_FP16,
            row_bytes=lambda dim: 2 * dim,
            quantize=lambda rows: _float_bytes(rows.half()),
            dequantize=lambda packed, dim: packed.contiguous().view(torch.float16).float(),
            snap=lambda rows: rows.half().float(),
        ),
        Scheme(
            name="int8",
            largest=LARGEST_FP16,
            row_bytes=lambda dim: dim + 4,
            quantize=_pack_int8,
            dequantize=_unpack_int8,
            snap=lambda rows: encode(rows).decode(),
        ),
    )
}
