"""Append-only logs of write-once, numbered entries: what refs and plans are kept in.

    FOLDER/99999999.json    entry 0
    FOLDER/99999998.json    entry 1, the head: the newest entry lists first

Whoever stores a number first has it; the other finds it taken and reads the log again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from shark_core.config_sections import Section
from shark_core.errors import DataError
from shark_core.publish.object_store import ObjectStore
from shark_core.publish.sealed_document import seal, unseal

LAST_NUMBER = 99_999_999
ENTRY_NAME = re.compile(r"\d{8}\.json")


class LogEntry(Section):
    """What every entry has; the rest is up to the log."""

    format_version: Literal[1] = 1
    number: int

    def to_bytes(self) -> bytes:
        return seal(self.model_dump(mode="json"))


Entry = TypeVar("Entry", bound=LogEntry)


@dataclass(frozen=True)
class NumberedLog(Generic[Entry]):
    """The entries below `folder`; `owner` says in messages whose log it is."""

    store: ObjectStore
    folder: str
    kind: type[Entry]
    owner: str

    def history(self) -> Iterator[Entry]:
        """All entries, newest first. Raises `DataError` at one that is damaged."""
        for found in self.store.list(self.folder):
            if ENTRY_NAME.fullmatch(found.key.removeprefix(f"{self.folder}/")):
                yield self.read(found.key)

    def head(self) -> Entry | None:
        return next(self.history(), None)

    def append(self, entry: Entry) -> bool:
        """Store the entry unless its number is taken; whether it was stored.

        `False` may be our own earlier write whose reply was lost: look at what is there.
        """
        return self.store.put_if_absent(self._key(entry.number), entry.to_bytes())

    def remove(self) -> None:
        """Delete all entries, the oldest first: the head is what it was until nothing is left."""
        for found in reversed(list(self.store.list(self.folder))):
            self.store.delete(found.key)

    def read(self, key: str) -> Entry:
        """The entry under a key of this log. Raises `DataError` where it is damaged."""
        with self.store.open(key) as file:
            content = file.read()
        try:
            entry = self.kind.model_validate(unseal(content))
            if self._key(entry.number) != key:
                raise ValueError(f"entry number {entry.number} under this key")
        except ValueError as error:
            raise DataError(
                f"an entry of {self.owner} log is damaged, or newer than this release",
                expected="an entry of format version 1",
                found=error,
                where=key,
                remedy="use the release of SHARK that wrote it, restore it from a copy, or delete "
                "the object: the log works without it, as if it had not been",
            ) from error
        return entry

    def _key(self, number: int) -> str:
        return f"{self.folder}/{LAST_NUMBER - number:08d}.json"
