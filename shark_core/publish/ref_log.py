"""Refs: named pointers to snapshots, each an append-only log of write-once entries.

    refs/production/99999999.json    entry 0
    refs/production/99999998.json    entry 1, the head: the newest entry lists first

A promotion carries an id of its own, so that a repeated command finds that it is done already. The
order of the four steps of `RefLog.promote` matters: reading the head before searching the log is
what makes two live attempts of one promotion safe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from shark_core.config_sections import Section
from shark_core.errors import ConflictError, DataError
from shark_core.publish.object_store import ObjectStore

LAST_NUMBER = 99_999_999


class RefEntry(Section):
    """One move of a ref. `restores` is the number of the entry that a rollback went back to."""

    format_version: Literal[1] = 1
    ref: str
    number: int
    snapshot_id: str
    promotion_id: str
    restores: int | None = None

    def to_bytes(self) -> bytes:
        return (json.dumps(self.model_dump(mode="json"), sort_keys=True) + "\n").encode()


@dataclass(frozen=True)
class RefLog:
    """The log of one ref below `folder`, such as `ctr/refs/production`."""

    store: ObjectStore
    folder: str
    ref: str

    def history(self) -> Iterator[RefEntry]:
        """All entries, newest first."""
        for key in self.store.list(self.folder):
            yield self._read(key)

    def head(self) -> RefEntry | None:
        return next(self.history(), None)

    def promote(
        self,
        snapshot_id: str,
        promotion_id: str,
        expect: str | None,
        restores: int | None = None,
    ) -> RefEntry:
        """Point the ref at a snapshot, if it points to `expect` (None: to nothing yet).

        Returns the entry, which may be an earlier one with the same `promotion_id`. Raises
        `ConflictError` where somebody else moved the ref.
        """
        while True:
            head = self.head()
            done = next((e for e in self.history() if e.promotion_id == promotion_id), None)
            if done is not None:
                return done
            self._require(head, expect)
            entry = RefEntry(
                ref=self.ref,
                number=head.number + 1 if head else 0,
                snapshot_id=snapshot_id,
                promotion_id=promotion_id,
                restores=restores,
            )
            if self.store.put_if_absent(self._key(entry.number), entry.to_bytes()):
                return entry

    def before(self, head: RefEntry) -> RefEntry:
        """The entry that a rollback of `head` goes back to. Raises `DataError` where none is.

        After a rollback to entry k the next one goes further back than k, never forward again.
        """
        reached = head.number if head.restores is None else head.restores
        for entry in self.history():
            if entry.number < reached and entry.snapshot_id != head.snapshot_id:
                return entry
        raise DataError(
            "there is nothing to roll back to",
            expected=f"an older snapshot in the log of {self.ref!r}",
            found=f"snapshot {head.snapshot_id} only",
            where=self.folder,
            remedy="name the snapshot to go to: `python -m jobs refs promote`",
        )

    def _key(self, number: int) -> str:
        return f"{self.folder}/{LAST_NUMBER - number:08d}.json"

    def _read(self, key: str) -> RefEntry:
        with self.store.open(key) as file:
            content = file.read()
        try:
            return RefEntry.model_validate_json(content)
        except ValidationError as error:
            raise DataError(
                "an entry of a ref's log is damaged, or newer than this release",
                expected="an entry of format version 1",
                found=error,
                where=key,
                remedy="use the release of SHARK that wrote it, or restore it from a copy",
            ) from error

    def _require(self, head: RefEntry | None, expect: str | None) -> None:
        found = head.snapshot_id if head else None
        if found != expect:
            raise ConflictError(
                f"the ref {self.ref!r} was moved by somebody else",
                expected=f"snapshot {expect}" if expect else "no entry yet",
                found=f"snapshot {found}" if found else "no entry yet",
                where=self.folder,
                remedy="look at `python -m jobs refs history`, then decide again",
            )
