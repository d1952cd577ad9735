"""Schemes of 8, 4 and 2 bits: affine codes, with qparams a row or for the whole table.

    scheme                bytes of a row of dimension D                        table params
    int8, int4, int2      ⌈D·bits / 8⌉ of codes, fp16 scale, fp16 bias         none
    int4_shared, …        ⌈D·bits / 8⌉ of codes                                scale, bias

Codes are packed low bits first. The row with qparams is FBGEMM's fused "NBit SBHalf" row. Rows on
a CPU go through compiled loops, rows elsewhere through torch; the bytes are the same.
"""

from __future__ import annotations

from types import ModuleType

from torch import Tensor

from shark_core.quantization import affine_cpu, affine_torch
from shark_core.quantization.packing import code_bytes
from shark_core.quantization.rowwise_affine import QPARAM_BYTES
from shark_core.quantization.scheme import NO_PARAMS, Scheme
from shark_core.quantization.shared_fit import fit_shared


def _way_for(tensor: Tensor) -> ModuleType:
    return affine_cpu if tensor.device.type == "cpu" else affine_torch


class RowwiseAffine(Scheme):
    """Scale and bias a row; see `rowwise_affine.py`."""

    def row_bytes(self, dim: int) -> int:
        return code_bytes(dim, self.bits) + QPARAM_BYTES

    def quantize(self, rows: Tensor, params: Tensor) -> Tensor:
        return _way_for(rows).quantize(rows, NO_PARAMS, self.bits)

    def dequantize(self, packed: Tensor, dim: int, params: Tensor) -> Tensor:
        return _way_for(packed).dequantize(packed, dim, NO_PARAMS, self.bits)

    def snap(self, rows: Tensor, params: Tensor) -> Tensor:
        return _way_for(rows).snap(rows, NO_PARAMS, self.bits)

    def step(self, rows: Tensor, params: Tensor) -> Tensor:
        return _way_for(rows).step(rows, self.bits)


class SharedAffine(Scheme):
    """One scale and bias for all rows; see `shared_affine.py`."""

    def row_bytes(self, dim: int) -> int:
        return code_bytes(dim, self.bits)

    def param_count(self, dim: int) -> int:
        return 2

    def fit(self, rows: Tensor, weights: Tensor) -> Tensor:
        return fit_shared(rows, weights, self.bits)

    def quantize(self, rows: Tensor, params: Tensor) -> Tensor:
        return _way_for(rows).quantize(rows, params, self.bits)

    def dequantize(self, packed: Tensor, dim: int, params: Tensor) -> Tensor:
        return _way_for(packed).dequantize(packed, dim, params, self.bits)

    def snap(self, rows: Tensor, params: Tensor) -> Tensor:
        return _way_for(rows).snap(rows, params, self.bits)

    def step(self, rows: Tensor, params: Tensor) -> Tensor:
        return params[:1].expand(len(rows), 1)
