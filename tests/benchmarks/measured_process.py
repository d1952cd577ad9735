"""A function in a process of its own: what it returns, and the peak memory of its process tree."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Measured:
    """`peak_mb`: the largest sum of resident memory over the process and its children, in MiB.

    Pages that forked processes share are counted in each of them: the sum is an upper bound.
    """

    value: Any
    peak_mb: float


def measured(work: Callable[..., Any], *arguments: Any, beside: Sequence[int] = ()) -> Measured:
    """`work(*arguments)` in a fresh interpreter; both must be importable by name, or picklable.

    `beside`: other processes that work for it, such as a cluster's; their trees count too.
    """
    spawning = multiprocessing.get_context("spawn")
    receiver, sender = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_run, args=(sender, work, arguments))
    process.start()
    sender.close()
    peak = 0.0
    while process.is_alive() and not receiver.poll(SAMPLE_SECONDS):
        peak = max(peak, sum(map(_tree_mb, [process.pid, *beside])))
    try:
        value = receiver.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"{work.__name__} ended with exit code {process.exitcode}") from None
    process.join()
    return Measured(value, peak)


def _run(sender: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    sender.send(work(*arguments))


def _tree_mb(pid: int | None) -> float:
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_resident(process) for process in tree) / 2**20


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def seconds_of(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
