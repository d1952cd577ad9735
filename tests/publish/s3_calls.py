"""Each kind of request of `S3Store`, for tests of what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable

from shark_core.publish.s3.store import S3Store
from tests.publish.stores import keys

Call = Callable[[S3Store], object]

KEY = "ctr/refs/production/99999999.json"


def read(store: S3Store, size: int = -1) -> bytes:
    """All of it, `size` bytes at a time."""
    with store.open(KEY) as file:
        return b"".join(iter(lambda: file.read(size), b""))


CALLS: dict[str, Call] = {
    "put": lambda store: store.put_if_absent(KEY, b"ours"),
    "open": read,
    "exists": lambda store: store.exists(KEY),
    "list": lambda store: keys(store, "ctr"),
    "delete": lambda store: store.delete(KEY),
}
SENT: dict[str, tuple[str, str]] = {  # method, and part of the path and query
    "put": ("PUT", KEY),
    "open": ("GET", KEY),
    "exists": ("HEAD", KEY),
    "list": ("GET", "list-type=2"),
    "delete": ("DELETE", KEY),
}
