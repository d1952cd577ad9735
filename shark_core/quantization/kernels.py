"""The loops of affine codes on the CPU, compiled by numba: what `affine_torch.py` says in torch.

    rows ──extremes──▶ low, high ──qparams──▶ bias, scale ──codes──▶ codes ──pack──▶ bytes
    float32 (N, D)     a block of rows at a time, so that each row is read from memory once

`params` is empty where each row has qparams of its own, else scale and bias of all rows. `narrow`
(N,) bool is where FBGEMM's rule is unfit and what was written must be replaced. Calls on parts of
the rows can run side by side; they hold no lock.

All is in one file because numba's cache on disk looks for changes in the file of the function that
is called only. Nothing is compiled before the first call; later processes read the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

Array = np.ndarray[Any, Any]
Loop = TypeVar("Loop", bound=Callable[..., Any])

BLOCK_ROWS = 128
BLOCK_VALUES = 2048  # 8 KiB of float32: small, so that the next block is on its way meanwhile
# The distance of neighbouring fp16 numbers, by their exponent field.
HALF_SPACING = np.array([2.0 ** (max(field, 1) - 25) for field in range(32)], dtype=np.float32)
SMALLEST_NORMAL = np.float32(2.0**-14)  # of fp16
HALF_UNIT = np.float32(2.0**24)  # fp16 numbers below it are whole multiples of 1 / HALF_UNIT
ZERO, ONE = np.float32(0.0), np.float32(1.0)
MIDDLE = np.float32(0.75)  # float32 numbers near it are 1 / HALF_UNIT apart


def compiled(loop: Loop) -> Loop:
    return cast(Loop, njit(cache=True, nogil=True, error_model="numpy")(loop))


@compiled
def quantize(
    rows: Array, params: Array, bits: int, wide: np.float32, packed: Array, narrow: Array
) -> None:
    """Rows (N, D) → packed (N, row_bytes)."""
    dim = rows.shape[1]
    block = _block_rows(dim)
    bias, scale, halves = _qparam_space(block)
    codes = _code_space(block, dim, bits)
    for start in range(0, len(rows), block):
        part, out = rows[start : start + block], packed[start : start + block]
        _grids(part, params, bits, wide, bias, scale, halves, narrow[start : start + block])
        for i in range(block):
            scale[i] = ONE / scale[i]
        if bits == 8:
            _codes(part, bias, scale, bits, out)
        else:
            _codes(part, bias, scale, bits, codes)
            _pack(codes, dim, bits, out)
        if len(params) == 0:
            _store_halves(halves, out[:, out.shape[1] - 4 :])


@compiled
def snap(
    rows: Array, params: Array, bits: int, wide: np.float32, values: Array, narrow: Array
) -> None:
    """Rows (N, D) → values (N, D) that their codes stand for."""
    block = _block_rows(rows.shape[1])
    bias, scale, halves = _qparam_space(block)
    for start in range(0, len(rows), block):
        part, out = rows[start : start + block], values[start : start + block]
        _grids(part, params, bits, wide, bias, scale, halves, narrow[start : start + block])
        _snapped(part, bias, scale, bits, out)


@compiled
def scales(
    rows: Array, params: Array, bits: int, wide: np.float32, found: Array, narrow: Array
) -> None:
    """Rows (N, D) → scales (N, 1)."""
    block = _block_rows(rows.shape[1])
    bias, scale, halves = _qparam_space(block)
    for start in range(0, len(rows), block):
        part, out = rows[start : start + block], found[start : start + block]
        _grids(part, params, bits, wide, bias, scale, halves, narrow[start : start + block])
        out[:, 0] = scale[: len(out)]


@compiled
def dequantize(packed: Array, params: Array, bits: int, values: Array) -> None:
    """Packed (N, row_bytes) → values (N, D)."""
    dim = values.shape[1]
    block = _block_rows(dim)
    bias, scale, halves = _qparam_space(block)
    codes = _code_space(block, dim, bits)
    for start in range(0, len(packed), block):
        part, out = packed[start : start + block], values[start : start + block]
        if len(params) == 0:
            _load_halves(part[:, part.shape[1] - 4 :], halves)
            _half_values(halves[0], scale)
            _half_values(halves[1], bias)
        else:
            scale[:], bias[:] = params[0], params[1]
        if bits == 8:
            _values(part, scale, bias, out)
        else:
            _unpack(part, dim, bits, codes)
            _values(codes, scale, bias, out)


@compiled
def _block_rows(dim: int) -> int:
    return max(1, min(BLOCK_ROWS, BLOCK_VALUES // dim))


@compiled
def _qparam_space(block: int) -> tuple[Array, Array, Array]:
    """Bias and scale as float32 (block,), and both (scale first) as fp16's bits (2, block)."""
    return np.ones(block, np.float32), np.ones(block, np.float32), np.zeros((2, block), np.int32)


@compiled
def _code_space(block: int, dim: int, bits: int) -> Array:
    per_byte = 8 // bits
    return np.zeros((block, (dim + per_byte - 1) // per_byte * per_byte), np.uint8)


@compiled
def _grids(
    rows: Array,
    params: Array,
    bits: int,
    wide: np.float32,
    bias: Array,
    scale: Array,
    halves: Array,
    narrow: Array,
) -> None:
    """Scale and bias of each row: given, or by FBGEMM's rule."""
    if len(params) > 0:
        scale[:], bias[:] = params[0], params[1]
        return
    count, low, high = len(rows), bias, scale
    _extremes(rows.view(np.int32), low.view(np.int32), high.view(np.int32))
    largest, finest = np.float32(2**bits - 1), np.float32(2.0 ** (bits - 24))
    for i in range(count):
        narrow[i] = low[i] == high[i]  # until the end: whether the row is constant
    _round_to_half(bias, halves[1])
    for i in range(count):
        difference = high[i] - bias[i]
        constant = narrow[i] & (difference == ZERO)
        scale[i] = ONE if constant else difference / largest
    _round_to_half(scale, halves[0])
    for i in range(count):
        spacing = HALF_SPACING[(halves[1, i] >> 10) & 31]
        narrow[i] = not scale[i] >= wide * max(spacing, finest)


@compiled
def _extremes(words: Array, lows: Array, highs: Array) -> None:
    """Least and greatest value a row. Whole numbers that order as floats do: LLVM makes vectors
    of their minimum, which it does not of a float's."""
    for i in range(len(words)):
        least, greatest = np.int32(0x7FFFFFFF), np.int32(-0x80000000)
        for j in range(words.shape[1]):
            word = words[i, j]
            ordered = np.int32(word ^ (np.int32(word >> 31) & np.int32(0x7FFFFFFF)))
            least = ordered if ordered < least else least
            greatest = ordered if ordered > greatest else greatest
        lows[i] = least ^ (np.int32(least >> 31) & np.int32(0x7FFFFFFF))
        highs[i] = greatest ^ (np.int32(greatest >> 31) & np.int32(0x7FFFFFFF))


@compiled
def _round_to_half(values: Array, halves: Array) -> None:
    """Round float32 values in place to the nearest fp16 numbers, ties to even; -0.0 becomes 0.0."""
    words = values.view(np.int32)
    for i in range(len(values)):
        if abs(values[i]) < SMALLEST_NORMAL:
            values[i] = (values[i] + MIDDLE) - MIDDLE
    for i in range(len(values)):
        word = words[i]
        rounded = np.int32(np.int32(word + 0xFFF + ((word >> 13) & 1)) & np.int32(-8192))
        words[i] = rounded
        size = ((rounded >> 13) - (112 << 10)) & 0x7FFF
        halves[i] = np.int32(((word >> 16) & 0x8000) | size)
    for i in range(len(values)):
        if abs(values[i]) < SMALLEST_NORMAL:
            sign = 0x8000 if values[i] < ZERO else 0
            halves[i] = sign | np.int32(abs(values[i]) * HALF_UNIT)


@compiled
def _half_values(halves: Array, values: Array) -> None:
    """fp16's bits → float32."""
    words = values.view(np.int32)
    for i in range(len(values)):
        half = halves[i]
        words[i] = np.int32(((half & 0x8000) << 16) | (((half & 0x7FFF) + (112 << 10)) << 13))
    for i in range(len(values)):
        if halves[i] & 0x7C00 == 0:
            size = np.float32(halves[i] & 0x3FF) / HALF_UNIT
            values[i] = size if halves[i] < 0x8000 else -size


@compiled
def _store_halves(halves: Array, out: Array) -> None:
    for i in range(len(out)):
        scale, bias = halves[0, i], halves[1, i]
        out[i, 0], out[i, 1] = scale & 255, scale >> 8
        out[i, 2], out[i, 3] = bias & 255, bias >> 8


@compiled
def _load_halves(stored: Array, halves: Array) -> None:
    for i in range(len(stored)):
        halves[0, i] = stored[i, 0] | (stored[i, 1] << 8)
        halves[1, i] = stored[i, 2] | (stored[i, 3] << 8)


@compiled
def _codes(rows: Array, bias: Array, inverse: Array, bits: int, codes: Array) -> None:
    largest = np.float32(2**bits - 1)
    for i in range(len(rows)):
        offset, factor = bias[i], inverse[i]
        for j in range(rows.shape[1]):
            code = min(max((rows[i, j] - offset) * factor, ZERO), largest)
            codes[i, j] = np.uint8(np.int32(np.rint(code)))


@compiled
def _snapped(rows: Array, bias: Array, scale: Array, bits: int, values: Array) -> None:
    largest = np.float32(2**bits - 1)
    for i in range(len(rows)):
        offset, step = bias[i], scale[i]
        factor = ONE / step
        for j in range(rows.shape[1]):
            code = min(max((rows[i, j] - offset) * factor, ZERO), largest)
            values[i, j] = np.rint(code) * step + offset


@compiled
def _values(codes: Array, scale: Array, bias: Array, values: Array) -> None:
    for i in range(len(values)):
        step, offset = scale[i], bias[i]
        for j in range(values.shape[1]):
            values[i, j] = np.float32(codes[i, j]) * step + offset


@compiled
def _pack(codes: Array, dim: int, bits: int, packed: Array) -> None:
    if bits == 4:
        for i in range(len(packed)):
            for j in range((dim + 1) // 2):
                packed[i, j] = codes[i, 2 * j] | (codes[i, 2 * j + 1] << 4)
    else:
        for i in range(len(packed)):
            for j in range((dim + 3) // 4):
                low = codes[i, 4 * j] | (codes[i, 4 * j + 1] << 2)
                high = (codes[i, 4 * j + 2] << 4) | (codes[i, 4 * j + 3] << 6)
                packed[i, j] = low | high


@compiled
def _unpack(packed: Array, dim: int, bits: int, codes: Array) -> None:
    if bits == 4:
        for i in range(len(packed)):
            for j in range((dim + 1) // 2):
                byte = packed[i, j]
                codes[i, 2 * j], codes[i, 2 * j + 1] = byte & 15, byte >> 4
    else:
        for i in range(len(packed)):
            for j in range((dim + 3) // 4):
                byte = packed[i, j]
                codes[i, 4 * j], codes[i, 4 * j + 1] = byte & 3, (byte >> 2) & 3
                codes[i, 4 * j + 2], codes[i, 4 * j + 3] = (byte >> 4) & 3, byte >> 6
