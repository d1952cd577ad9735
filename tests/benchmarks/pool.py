"""Independent jobs on the machine's cores, with a progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

from tqdm import tqdm

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

# Each worker process runs one training at a time, on one thread: `training.threads` is 1.
PROCESSES = min(os.cpu_count() or 1, 8)


@contextmanager
def workers() -> Iterator[ProcessPoolExecutor]:
    """Fresh processes: forking one that has used torch's threads can hang."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def results_of(
    pool: ProcessPoolExecutor, description: str, jobs: Mapping[K, Callable[[], R]]
) -> dict[K, R]:
    """In the jobs' order, whichever ends first. Put long jobs first."""
    futures = {pool.submit(job): key for key, job in jobs.items()}
    bar = tqdm(as_completed(futures), desc=description, total=len(futures))
    found = {futures[future]: future.result() for future in bar}
    return {key: found[key] for key in jobs}
