"""The schemes by name, and the one check of what they can store.

tier     scheme         bytes of a row            of a row of D = 16
fp32     fp32           4·D                       64
fp16     fp16           2·D                       32
int8     int8           D + 4                     20
int4     int4           ⌈D / 2⌉ + 4               12
int4     int4_shared    ⌈D / 2⌉                    8
int2     int2           ⌈D / 4⌉ + 4                8
int2     int2_shared    ⌈D / 4⌉                    4
pruned   pruned         0                          0
"""

from __future__ import annotations

import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.quantization.affine_schemes import RowwiseAffine, SharedAffine
from shark_core.quantization.plain_schemes import FallbackRow, Fp16, Fp32
from shark_core.quantization.scheme import LARGEST_FP16, LARGEST_FP32, NO_PARAMS, Scheme

__all__ = ["NO_PARAMS", "SCHEMES", "Scheme", "refuse_unstorable"]

SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Fp32("fp32", tier="fp32", bits=32, largest=LARGEST_FP32),
        Fp16("fp16", tier="fp16", bits=16, largest=LARGEST_FP16),
        RowwiseAffine("int8", tier="int8", bits=8, largest=LARGEST_FP16),
        RowwiseAffine("int4", tier="int4", bits=4, largest=LARGEST_FP16),
        RowwiseAffine("int2", tier="int2", bits=2, largest=LARGEST_FP16),
        SharedAffine("int4_shared", tier="int4", bits=4, largest=LARGEST_FP32),
        SharedAffine("int2_shared", tier="int2", bits=2, largest=LARGEST_FP32),
        FallbackRow("pruned", tier="pruned", bits=0, largest=LARGEST_FP32),
    )
}


def refuse_unstorable(rows: Tensor, scheme: Scheme, field: str, row_ids: Tensor) -> None:
    """Raise `DataError` where rows (N, D) hold NaN, infinity or values that the scheme cannot hold.

    A row that reaches the limit has a grid that may pass it by half a step: what was snapped to it
    is stored exactly. `row_ids` (N,) name the rows in the message.
    """
    if rows.numel() == 0 or float(rows.abs().max()) <= scheme.largest:  # NaN fails the comparison
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
    if scheme.largest != LARGEST_FP16:
        return torch.zeros_like(begins)
    snapped = scheme.snap(torch.where(begins, rows, 0.0), NO_PARAMS)
    return begins & (snapped == rows).all(dim=1, keepdim=True)
