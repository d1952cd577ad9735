"""A dictionary as an object store, with a clock that moves only when somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import BinaryIO

from shark_core.errors import DataError
from shark_core.publish.object_store import StoredObject, check_key

START = datetime(2022, 5, 6, tzinfo=UTC)
TICK = timedelta(seconds=1)


@dataclass
class SimulatedClock:
    """No two looks at it show the same time, so that a time names the call that wrote it down."""

    time: datetime = START

    def __call__(self) -> datetime:
        self.time += TICK
        return self.time


@dataclass
class MemoryStore:
    """Every call happens at once. Not for threads that really run at the same time."""

    clock: SimulatedClock = field(default_factory=SimulatedClock)
    contents: dict[str, bytes] = field(default_factory=dict)
    modified: dict[str, datetime] = field(default_factory=dict)
    expired: int = 0  # manifests that were deleted

    def put_if_absent(self, key: str, content: bytes) -> bool:
        if check_key(key) in self.contents:
            return False
        self.contents[key] = content
        self.modified[key] = self.clock()
        return True

    def put_file_if_absent(self, key: str, source: BinaryIO) -> bool:
        return self.put_if_absent(key, source.read())

    def replace(self, key: str, content: bytes) -> None:
        self.contents[check_key(key)] = content
        self.modified[key] = self.clock()

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        return BytesIO(self.read(key))

    def read(self, key: str) -> bytes:
        content = self.contents.get(check_key(key))
        if content is None:
            raise DataError("an object of the registry is missing", expected="an object", where=key)
        return content

    def size(self, key: str) -> int:
        return len(self.read(key))

    def exists(self, key: str) -> bool:
        return check_key(key) in self.contents

    def list(self, prefix: str) -> Iterator[StoredObject]:
        below = f"{check_key(prefix)}/"
        for key in sorted(key for key in self.contents if key.startswith(below)):
            if key in self.contents:  # not deleted meanwhile
                yield StoredObject(key, len(self.contents[key]), self.modified[key])

    def delete(self, key: str) -> None:
        self.expired += "/snapshots/" in key and check_key(key) in self.contents
        self.contents.pop(check_key(key), None)
        self.modified.pop(key, None)

    def copy(self) -> MemoryStore:
        clock = SimulatedClock(self.clock.time)
        return MemoryStore(clock, dict(self.contents), dict(self.modified))
