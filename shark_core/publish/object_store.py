"""What publishing asks of a storage: write-once objects under keys, nothing renamed or overwritten.

The one primitive is `put_if_absent`. S3 has it as PUT with `If-None-Match: *`, a local disk as a
temporary file and a hard link. `False` says that the key is taken, possibly by our own earlier
request whose reply was lost: callers look at what is there before they decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from shark_core.errors import ConfigError

KEY = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*")


@dataclass(frozen=True)
class StoredObject:
    """An object as a store lists it. `modified`: when it was stored, by the storage's clock."""

    key: str
    bytes: int
    modified: datetime


class ObjectStore(Protocol):
    """Keys are relative, with `/` between parts. Methods raise `RetryableError` on storage trouble.

    `open` and `size` raise `DataError` for a key that does not exist.
    """

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Store the content, whole or not at all, unless the key exists; whether it was stored."""
        ...

    def put_file_if_absent(self, key: str, source: BinaryIO) -> bool:
        """As `put_if_absent`, streamed from a file opened for reading."""
        ...

    def replace(self, key: str, content: bytes) -> None:
        """Store the content, whole or not at all, whatever is there: bytes that the key had before,
        so that it does no harm where they are there still, or when it lands late.
        """
        ...

    def open(self, key: str) -> AbstractContextManager[BinaryIO]: ...

    def size(self, key: str) -> int: ...

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """What is below the folder `prefix`, by ascending key, looked up as it is taken."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        ...


def check_key(key: str) -> str:
    """The key itself. Raises `ConfigError` for keys such as `a/../b`, `/etc`, `a//b`.

    No part begins with a dot: stores keep files of their own under such names.
    """
    if not KEY.fullmatch(key) or len(key) > 1000:
        raise ConfigError(
            "not a key of the registry",
            expected="parts of letters, digits and . _ = - that begin without a dot, joined by /",
            found=repr(key),
            remedy="correct the name of the model, ref or snapshot",
        )
    return key
