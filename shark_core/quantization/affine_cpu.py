"""Affine codes to bytes and back, on the CPU: the functions of `affine_torch.py`, byte for byte.

The kernels follow FBGEMM's rule and mark the rows that need the other one (see
`rowwise_affine.py`); those are few, and go through torch. Rows are divided among as many threads
as torch uses. Its own threads spin for some milliseconds after each operation that woke them, on
cores that the kernels want: so the arrays beside the rows are numpy's.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from shark_core.quantization import affine_torch, kernels
from shark_core.quantization.packing import code_bytes
from shark_core.quantization.power_of_two_grid import FINEST_STEP
from shark_core.quantization.rowwise_affine import QPARAM_BYTES, SURELY_WIDE
from shark_core.quantization.scheme import NO_PARAMS

VALUES_PER_THREAD = 1 << 17  # below it, starting a thread costs more than it saves
PARTS_PER_THREAD = 4


def quantize(rows: Tensor, params: Tensor, bits: int) -> Tensor:
    width = code_bytes(rows.shape[1], bits) + (0 if len(params) else QPARAM_BYTES)
    packed = torch.empty(len(rows), width, dtype=torch.uint8)
    narrow = _run(kernels.quantize, rows, params, bits, packed)
    if len(narrow):
        packed[narrow] = affine_torch.quantize(rows[narrow], params, bits)
    return packed


def dequantize(packed: Tensor, dim: int, params: Tensor, bits: int) -> Tensor:
    values, stored = torch.empty(len(packed), dim), packed.contiguous().numpy()
    shared = params.detach().numpy()

    def run(part: slice) -> None:
        kernels.dequantize(stored[part], shared, bits, values[part].numpy())

    _over_parts(run, values)
    return values


def snap(rows: Tensor, params: Tensor, bits: int) -> Tensor:
    values = torch.empty(rows.shape)
    narrow = _run(kernels.snap, rows, params, bits, values)
    if len(narrow):
        values[narrow] = affine_torch.snap(rows[narrow], params, bits)
    return values


def step(rows: Tensor, bits: int) -> Tensor:
    """Float32 (N, 1), of rows with qparams of their own."""
    steps = torch.empty(len(rows), 1)
    narrow = _run(kernels.scales, rows, NO_PARAMS, bits, steps)
    constant = (steps == 1.0) & (rows == rows[:, :1]).all(dim=1, keepdim=True)
    steps.masked_fill_(constant, FINEST_STEP)
    if len(narrow):
        steps[narrow] = affine_torch.step(rows[narrow], bits)
    return steps


def _run(
    kernel: Callable[..., None], rows: Tensor, params: Tensor, bits: int, out: Tensor
) -> Tensor:
    """Fill `out` (N, …); returns the rows (M,) of it that must be filled in another way."""
    source, target = rows.detach().contiguous().numpy(), out.numpy()
    wide = np.float32(SURELY_WIDE[bits])
    shared, narrow = params.detach().numpy(), np.zeros(len(rows), dtype=np.bool_)

    def run(part: slice) -> None:
        kernel(source[part], shared, bits, wide, target[part], narrow[part])

    _over_parts(run, rows)
    return torch.from_numpy(np.flatnonzero(narrow))


def _over_parts(run: Callable[[slice], None], rows: Tensor) -> None:
    """Run over all rows (N, D) in parts, by several threads where that pays.

    There are more parts than threads, so that a thread that is held up does not hold up the rest.
    """
    count = min(torch.get_num_threads(), rows.numel() // VALUES_PER_THREAD)
    length = max(1, len(rows) // (PARTS_PER_THREAD * count)) if count > 1 else len(rows)
    parts = [slice(start, start + length) for start in range(0, len(rows), max(1, length))]
    waiting = iter(parts)

    def work() -> None:
        for part in waiting:  # a list's iterator gives each part to one thread
            run(part)

    with ThreadPoolExecutor(max(1, count - 1)) as pool:
        others = [pool.submit(work) for _ in range(count - 1)]
        work()
    for other in others:
        other.result()
