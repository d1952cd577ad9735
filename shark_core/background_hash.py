"""A checksum that is computed beside whatever else is done with the bytes.

    caller   encode 1 ─ write 1 ─ encode 2 ─ write 2 ─ encode ids ─ encode 3 ─ …
    thread              └ hash 1 ──┘         └ hash 2 ──────────────┘          └ hash 3 …

SHA-256 takes as long as encoding a table, and holds no lock meanwhile. Some pieces may wait for it:
a caller makes them in bursts, and would stand still in the one half of its time, the thread in the
other.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

WORTH_A_THREAD = 1 << 16  # bytes; handing less over takes longer than hashing it
AHEAD = 8 << 20  # bytes that wait at most, but for a piece that is larger


class _Waiting(NamedTuple):
    bytes: int
    done: Future[None]


class BackgroundHash:
    """SHA-256 of bytes in the order in which they come."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[_Waiting] = deque()
        self._bytes_waiting = 0

    def update(self, data: bytes) -> None:
        """Nobody may change it any more. Waits until there is room for it."""
        self._make_room(len(data))
        if len(data) < WORTH_A_THREAD and not self._waiting:
            self._hash.update(data)
        else:
            self._waiting.append(_Waiting(len(data), self._in_thread(self._hash.update, data)))
            self._bytes_waiting += len(data)

    def hexdigest(self) -> str:
        """Of all that came; ends the thread."""
        while self._waiting:
            self._await_first()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        return self._hash.hexdigest()

    def _in_thread(self, work: Callable[[bytes], None], data: bytes) -> Future[None]:
        if self._thread is None:  # one's own, not the module's: a process may fork in between
            self._thread = ThreadPoolExecutor(1)
        return self._thread.submit(work, data)

    def _make_room(self, size: int) -> None:
        while self._waiting and (
            self._waiting[0].done.done() or self._bytes_waiting + size > AHEAD
        ):
            self._await_first()

    def _await_first(self) -> None:
        first = self._waiting.popleft()
        self._bytes_waiting -= first.bytes
        first.done.result()
