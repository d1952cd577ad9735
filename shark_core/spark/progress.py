"""What a person sees of a stage of Spark tasks while it runs.

count: 61%|██████    | 12.2M/20.0M [00:02<00:01, 5.80M examples/s]        on a terminal
count: 12.2M of 20.0M examples, 5.8M examples/s                           else, every 30 seconds
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from tqdm import tqdm

REFRESH_SECONDS = 0.2
LOG_SECONDS = 30.0

log = logging.getLogger("shark")


@dataclass(frozen=True)
class Stage:
    """Tasks that run together. `sizes`: how much each task does, in `unit`; without, 1 each."""

    name: str
    unit: str = "tasks"
    sizes: Sequence[float] | None = None

    def size(self, task: int) -> float:
        return 1.0 if self.sizes is None else self.sizes[task]


@contextmanager
def showing(stage: Stage, total: float, done: Callable[[], float]) -> Iterator[None]:
    """Shows how much of `total` is `done()`, from a thread of its own, while the block runs."""
    finished = Event()
    with tqdm(
        total=total, desc=stage.name, unit=f" {stage.unit}", unit_scale=True, disable=None
    ) as bar:
        thread = Thread(target=_follow, args=(stage, bar, total, done, finished), daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()
            bar.update(done() - bar.n)


def _follow(
    stage: Stage, bar: tqdm, total: float, done: Callable[[], float], finished: Event
) -> None:
    started = said = time.monotonic()
    while not finished.wait(REFRESH_SECONDS):
        bar.update(done() - bar.n)
        now = time.monotonic()
        if bar.disable and now - said >= LOG_SECONDS:
            said = now
            log.info(progress_line(stage, done(), total, now - started))


def progress_line(stage: Stage, done: float, total: float, seconds: float) -> str:
    amount, whole = tqdm.format_sizeof(done), tqdm.format_sizeof(total)
    rate = tqdm.format_sizeof(done / seconds)
    return f"{stage.name}: {amount} of {whole} {stage.unit}, {rate} {stage.unit}/s"
