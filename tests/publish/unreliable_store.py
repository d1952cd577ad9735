"""Stores that fail, or let somebody else go first, at a chosen call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, TypeVar

from shark_core.publish.object_store import StoredObject
from shark_core.publish.object_store_local import LocalStore

T = TypeVar("T")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class UnreliableStore:
    """Calls `event` right before or right after call number `at` of the wrapped store."""

    store: LocalStore
    at: int
    when: Literal["before", "after"]
    event: Callable[[], None]
    calls: int = field(default=0, init=False)

    def put_if_absent(self, key: str, content: bytes) -> bool:
        return self._call(lambda: self.store.put_if_absent(key, content))

    def put_file_if_absent(self, key: str, source: BinaryIO) -> bool:
        return self._call(lambda: self.store.put_file_if_absent(key, source))

    def replace(self, key: str, content: bytes) -> None:
        self._call(lambda: self.store.replace(key, content))

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        return self._call(lambda: self.store.open(key))

    def size(self, key: str) -> int:
        return self._call(lambda: self.store.size(key))

    def exists(self, key: str) -> bool:
        return self._call(lambda: self.store.exists(key))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return self._call(lambda: iter(list(self.store.list(prefix))))

    def delete(self, key: str) -> None:
        self._call(lambda: self.store.delete(key))

    def _call(self, work: Callable[[], T]) -> T:
        number, self.calls = self.calls, self.calls + 1
        if number == self.at and self.when == "before":
            self.event()
        result = work()
        if number == self.at and self.when == "after":
            self.event()
        return result


def kill() -> None:
    raise Killed
