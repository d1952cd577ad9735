"""Refs: named pointers to snapshots, each a numbered log: refs/production/99999999.json and so on.

A promotion carries an id of its own, so that a repeated command finds that it is done already. The
order of the four steps of `RefLog.promote` matters: reading the head before searching the log is
what makes two live attempts of one promotion safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime

from shark_core.errors import ConflictError, DataError
from shark_core.publish.numbered_log import LogEntry, NumberedLog
from shark_core.publish.object_store import ObjectStore


class RefEntry(LogEntry):
    """One move of a ref, `at` the clock of who moved it. `restores` is the number of the entry that
    a rollback went back to.
    """

    ref: str
    snapshot_id: str
    promotion_id: str
    at: AwareDatetime
    restores: int | None = None


@dataclass(frozen=True)
class RefLog(NumberedLog[RefEntry]):
    """The log of one ref below `folder`, such as `ctr/refs/production`."""

    ref: str

    @classmethod
    def of(cls, store: ObjectStore, model: str, ref: str) -> RefLog:
        return cls(store, f"{model}/refs/{ref}", RefEntry, "a ref's", ref)

    def promote(
        self,
        snapshot_id: str,
        promotion_id: str,
        expect: str | None,
        at: datetime,
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
                at=at,
                restores=restores,
            )
            if self.append(entry):
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
