"""Codes of 8, 4 or 2 bits as bytes: low bits first, the last byte of a row filled with zeros.

bits   byte 0                        bytes of D codes
8      c₀                            D
4      c₀ | c₁ << 4                  ⌈D / 2⌉
2      c₀ | c₁ << 2 | c₂ << 4 | …    ⌈D / 4⌉
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def code_bytes(dim: int, bits: int) -> int:
    """The bytes that hold `dim` codes."""
    return -(-dim * bits // 8)


def pack_codes(codes: Tensor, bits: int) -> Tensor:
    """Codes uint8 (N, D), each below `2**bits` → uint8 (N, code_bytes(D))."""
    per_byte, dim = 8 // bits, codes.shape[1]
    filled = pad(codes, (0, code_bytes(dim, bits) * per_byte - dim))
    packed = filled[:, 0::per_byte].clone()  # (N, code_bytes)
    for place in range(1, per_byte):
        packed |= filled[:, place::per_byte] << (bits * place)
    return packed


def unpack_codes(packed: Tensor, dim: int, bits: int) -> Tensor:
    """The inverse of `pack_codes`; bytes beyond the codes are left alone."""
    per_byte = 8 // bits
    codes = packed[:, : code_bytes(dim, bits)]
    shifts = torch.arange(per_byte, device=packed.device, dtype=torch.uint8) * bits
    spread = (codes.unsqueeze(2) >> shifts) & (2**bits - 1)  # (N, code_bytes, per_byte)
    return spread.flatten(1)[:, :dim]
