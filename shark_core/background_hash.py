"""A checksum that is computed beside whatever else is done with the bytes.

    caller   encode 1 ─ write 1 ─ encode 2 ─ write 2 ─ …
    thread              └ hash 1 ─┘          └ hash 2 ─┘

SHA-256 takes as long as encoding a table, and holds no lock meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

WORTH_A_THREAD = 1 << 16  # bytes; handing less over takes longer than hashing it


class BackgroundHash:
    """SHA-256 of bytes in the order in which they come.

    At most one piece waits, so that what is not hashed yet takes no memory to speak of.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._thread: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    def update(self, data: bytes) -> None:
        self._wait()
        if len(data) < WORTH_A_THREAD:
            self._hash.update(data)
        else:
            self._pending = self._in_thread(self._hash.update, data)

    def hexdigest(self) -> str:
        """Of all that came; ends the thread."""
        self._wait()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        return self._hash.hexdigest()

    def _in_thread(self, work: Callable[[bytes], None], data: bytes) -> Future[None]:
        if self._thread is None:  # one's own, not the module's: a process may fork in between
            self._thread = ThreadPoolExecutor(1)
        return self._thread.submit(work, data)

    def _wait(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()
