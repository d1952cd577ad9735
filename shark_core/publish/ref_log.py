"""Refs: named pointers to snapshots, each a numbered log: refs/production/99999999.json and so on.

A promotion carries an id of its own, so that a repeated command finds that it is done already. The
order of the four steps of `RefLog.promote` matters: reading the head before searching the log is
what makes two live attempts of one promotion safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from pydantic import AwareDatetime

from shark_core.errors import ConflictError, DataError
from shark_core.publish.numbered_log import LogEntry, NumberedLog
from shark_core.publish.object_store import ObjectStore
from shark_core.ref_names import check_ref_name

SEARCHED = 100  # entries for a promotion that was done before: a read each
SEARCHED_BY_NUMBER = 10  # where the promotion's id has the number of its entry in it


class RefEntry(LogEntry):
    """One move of a ref, `at` the clock of who moved it. `restores` is the number of the entry that
    a rollback went back to.
    """

    ref: str
    snapshot_id: str
    promotion_id: str
    at: AwareDatetime
    restores: int | None = None

    @property
    def origin(self) -> int:
        """The number of the entry that first brought what this one points to."""
        return self.number if self.restores is None else self.restores


@dataclass(frozen=True)
class RefLog(NumberedLog[RefEntry]):
    """The log of one ref below `folder`, such as `ctr/refs/production`."""

    ref: str

    @classmethod
    def of(cls, store: ObjectStore, model: str, ref: str) -> RefLog:
        """Raises `ConfigError` for what is not a ref's name."""
        folder = f"{model}/refs/{check_ref_name(ref)}"
        return cls(store, folder, RefEntry, "a ref's", ref)

    def promote(
        self,
        snapshot_id: str,
        promotion_id: str,
        expect: str | None,
        at: datetime,
        restores: int | None = None,
        searched: int = SEARCHED,
    ) -> RefEntry:
        """Point the ref at a snapshot, if it points to `expect` (None: to nothing yet).

        Returns the entry, which may be an earlier one with the same `promotion_id`, among the
        newest `searched`: further back nobody repeats a promotion, and one damaged entry there
        must not hold up all later moves. Raises `ConflictError` where somebody else moved the ref.
        """
        while True:
            head = self.head()
            recent = islice(self.history(), searched)
            done = next((e for e in recent if e.promotion_id == promotion_id), None)
            if done is not None:
                return done
            self.require(head, expect)
            if head is not None and restores is not None:
                self._require_rollback(head, restores)
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

        After a rollback to entry k the next one goes further back than k, never forward again: what
        was rolled back stays so, also where the snapshot of entry k was promoted once more since.
        """
        reached = head.origin
        for entry in self.history():
            if entry.number >= reached:
                continue
            if entry.snapshot_id != head.snapshot_id:
                return entry
            reached = entry.origin
        raise DataError(
            "there is nothing to roll back to",
            expected=f"an older snapshot in the log of {self.ref!r}",
            found=f"snapshot {head.snapshot_id} only",
            where=self.folder,
            remedy="name the snapshot to go to: `python -m jobs release promote`",
        )

    def require(self, head: RefEntry | None, expect: str | None) -> None:
        """Raises `ConflictError` where the head points to another snapshot than expected."""
        found = head.snapshot_id if head else None
        if found != expect:
            raise self._moved(
                expected=f"snapshot {expect}" if expect else "no entry yet",
                found=f"snapshot {found}" if found else "no entry yet",
            )

    def _require_rollback(self, head: RefEntry, restores: int) -> None:
        """A ref may have been moved away and back since somebody looked where to roll it back to:
        it points to what was expected, but what was before may be something that was taken back.
        """
        before = self.before(head)
        if before.origin != restores:
            raise self._moved(
                expected=f"entry {restores} before it",
                found=f"entry {before.origin}, with snapshot {before.snapshot_id}",
            )

    def _moved(self, expected: str, found: str) -> ConflictError:
        return ConflictError(
            f"the ref {self.ref!r} was moved by somebody else",
            expected=expected,
            found=found,
            where=self.folder,
            remedy="look at `python -m jobs release history`, then decide again",
        )
