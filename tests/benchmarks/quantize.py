"""How fast rows become bytes and back: each scheme against a plain copy and FBGEMM's quantizers.

    python -m tests.benchmarks.quantize            31 rounds
    python -m tests.benchmarks.quantize --quick     9 rounds, under 45 seconds

GB/s counts the fp32 side: what is read when rows are quantized, what is written when they are
dequantized. Contenders take turns, and a ratio is taken within a round, so that other work on the
machine slows down both sides; figures are medians over rounds. Threads are as many as torch uses.
The copy goes into memory that is there already, the others allocate what they return: malloc is
told to keep what was freed, or the system's handing out of pages would be most of what is timed.
Before each timed run the same contender runs untimed for a while: the threads of the one before
stop spinning, and its own are spread over the cores, as in a long job. Against FBGEMM, int8 stands
beside its fastest quantizer of 8 bits (fp32 qparams).
Prints a table; in the last line, one JSON object, a ratio without a dimension is the least of all
dimensions.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import fbgemm_gpu  # noqa: F401  registers torch.ops.fbgemm
import torch
from rich.console import Console
from rich.table import Table

from shark_core.quantization.schemes import SCHEMES

VALUES = 1 << 24  # 64 MiB of float32: more than caches hold
DIMS = (16, 64)
ROUNDS = {"full": 31, "quick": 9}
WARM_SECONDS = 0.04
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
COPY = "copy"
FBGEMM = {"int8": "fbgemm 8 bits", "int4": "fbgemm 4 bits", "int2": "fbgemm 2 bits"}
RATIOS = {
    "int8_over_memcpy": ("int8 quantize", COPY),
    "int8_dequantize_over_memcpy": ("int8 dequantize", COPY),
    **{f"{name}_over_fbgemm": (f"{name} quantize", rival) for name, rival in FBGEMM.items()},
}

Run = Callable[[], object]


def contenders(dim: int) -> dict[str, Run]:
    rows = torch.randn(VALUES // dim, dim, generator=torch.Generator().manual_seed(1)) * 0.05
    target, fbgemm = torch.zeros_like(rows), torch.ops.fbgemm
    found: dict[str, Run] = {
        COPY: lambda: target.copy_(rows),
        FBGEMM["int8"]: lambda: fbgemm.FloatToFused8BitRowwiseQuantized(rows),
        FBGEMM["int4"]: lambda: fbgemm.FloatToFusedNBitRowwiseQuantizedSBHalf(rows, 4),
        FBGEMM["int2"]: lambda: fbgemm.FloatToFusedNBitRowwiseQuantizedSBHalf(rows, 2),
    }
    for name in ("fp16", "int8", "int4", "int2", "int4_shared", "int2_shared"):
        found |= scheme_runs(name, rows)
    return found


def scheme_runs(name: str, rows: torch.Tensor) -> dict[str, Run]:
    scheme, dim = SCHEMES[name], rows.shape[1]
    params = scheme.fit(rows, torch.ones(len(rows)))
    packed = scheme.quantize(rows, params)
    return {
        f"{name} quantize": lambda: scheme.quantize(rows, params),
        f"{name} dequantize": lambda: scheme.dequantize(packed, dim, params),
    }


def seconds_of(runs: Mapping[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds of every run, one entry a round. The first call, which may compile, is not timed."""
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            warm_until = time.perf_counter() + WARM_SECONDS
            while time.perf_counter() < warm_until:
                run()
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def ratio(seconds: Mapping[str, Sequence[float]], name: str, rival: str) -> float:
    """How many times as fast as its rival; above 1 is faster."""
    return median(b / a for a, b in zip(seconds[name], seconds[rival], strict=True))


def gigabytes_per_second(seconds: Sequence[float]) -> float:
    return 4 * VALUES / median(seconds) / 1e9


def show(by_dim: Mapping[int, Mapping[str, Sequence[float]]]) -> None:
    threads = torch.get_num_threads()
    columns = [f"D = {dim}, {unit}" for dim in by_dim for unit in ("GB/s", "× copy")]
    table = Table("way", *columns, title=f"fp32 rows, {threads} threads", title_justify="left")
    for name in by_dim[DIMS[0]]:
        cells = [
            cell
            for seconds in by_dim.values()
            for cell in (
                f"{gigabytes_per_second(seconds[name]):.2f}",
                f"{ratio(seconds, name, COPY):.2f}",
            )
        ]
        table.add_row(name, *cells)
    Console().print(table)


def keep_freed_memory() -> None:
    for setting in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
        ctypes.CDLL(None).mallopt(setting, 2**31 - 1)


def main() -> None:
    keep_freed_memory()
    rounds = ROUNDS["quick" if "--quick" in sys.argv[1:] else "full"]
    by_dim = {dim: seconds_of(contenders(dim), rounds) for dim in DIMS}
    show(by_dim)
    ratios = {
        key: {dim: round(ratio(seconds, *pair), 3) for dim, seconds in by_dim.items()}
        for key, pair in RATIOS.items()
    }
    least = {key: min(by.values()) for key, by in ratios.items()}
    speeds = {
        f"dim_{dim}": {n: round(gigabytes_per_second(s), 2) for n, s in seconds.items()}
        for dim, seconds in by_dim.items()
    }
    print(json.dumps({**least, "by_dimension": ratios, "gigabytes_per_second": speeds}))


if __name__ == "__main__":
    main()
