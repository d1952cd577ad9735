"""The content of an object as a file that is checked wherever its reader stops at the end.

What boto3 gives checks length and checksum only for a reader that asks once more after the last
byte, with a size that is positive: not for `read(-1)`, nor for who knows the size beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO

BUFFER_BYTES = 1 << 20


@contextmanager
def checked(found: dict[str, Any]) -> Iterator[BinaryIO]:
    """The body of what `get_object` found. Reads raise what boto3 raises."""
    with BufferedReader(CheckedBody(found["Body"], found["ContentLength"]), BUFFER_BYTES) as file:
        yield file


class CheckedBody(RawIOBase):
    """The last bytes are given only once everything is checked."""

    def __init__(self, body: Any, size: int) -> None:
        self._body = body
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk: bytes = self._body.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self._left -= len(chunk)
        if chunk and self._left == 0:
            self._body.read(1)  # finds the end, and checks
        return len(chunk)

    def close(self) -> None:
        self._body.close()
        super().close()
