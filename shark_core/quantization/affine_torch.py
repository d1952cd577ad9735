"""Affine codes to bytes and back, in torch: for any device, and the reference of `affine_cpu.py`.

packed row      codes, low bits first | fp16 scale | fp16 bias
with params     codes, low bits first                             (params: scale, bias of all)
"""

from __future__ import annotations

import torch
from torch import Tensor

from shark_core.quantization.packing import pack_codes, unpack_codes
from shark_core.quantization.rowwise_affine import QPARAM_BYTES, decode, encode
from shark_core.quantization.shared_affine import decode_shared, encode_shared


def quantize(rows: Tensor, params: Tensor, bits: int) -> Tensor:
    if len(params):
        return pack_codes(encode_shared(rows, params, bits).to(torch.uint8), bits)
    encoded = encode(rows, bits)
    codes = pack_codes(encoded.codes.to(torch.uint8), bits)
    qparams = torch.cat([encoded.scale, encoded.bias], dim=1).view(torch.uint8)  # (N, 4)
    return torch.cat([codes, qparams], dim=1)


def dequantize(packed: Tensor, dim: int, params: Tensor, bits: int) -> Tensor:
    codes = unpack_codes(packed, dim, bits)
    if len(params):
        return decode_shared(codes, params)
    qparams = packed[:, -QPARAM_BYTES:].contiguous().view(torch.float16)  # (N, 2)
    return decode(codes, qparams[:, :1], qparams[:, 1:])


def snap(rows: Tensor, params: Tensor, bits: int) -> Tensor:
    if len(params):
        return decode_shared(encode_shared(rows, params, bits), params)
    return encode(rows, bits).decode()


def step(rows: Tensor, bits: int) -> Tensor:
    """Float32 (N, 1), of rows with qparams of their own."""
    return encode(rows, bits).step
