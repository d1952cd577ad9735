"""The catalog of one model: its snapshots and its refs, like git with write-once keys.

registry/<model>/data/<snapshot_id>/<attempt>/…     files, unreachable until a manifest lists them
registry/<model>/snapshots/<snapshot_id>.json       manifest: commits the snapshot
registry/<model>/refs/<ref>/<99999999-n>.json       log of a ref: rolls it out, and back
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from shark_core.errors import ConflictError, DataError, RetryableError
from shark_core.publish.manifest import Manifest
from shark_core.publish.needed_snapshots import with_all_needed
from shark_core.publish.ref_log import SEARCHED_BY_NUMBER, RefEntry, RefLog
from shark_core.publish.snapshot_store import SnapshotStore
from shark_core.ref_names import is_ref_name

CANDIDATE, PRODUCTION = "candidate", "production"
DECISIONS = 5  # of `advance`, while others move the ref


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Catalog(SnapshotStore):
    now: Callable[[], datetime] = utc_now  # for the entries of refs

    def log(self, ref: str) -> RefLog:
        return RefLog.of(self.store, self.model, ref)

    def head(self, ref: str) -> RefEntry | None:
        """The newest entry of a ref's log."""
        return self.log(ref).head()

    def history(self, ref: str) -> Iterator[RefEntry]:
        """All entries of a ref's log, newest first."""
        return self.log(ref).history()

    def refs(self) -> list[str]:
        """The names of all refs, in order."""
        prefix = f"{self.model}/refs"
        keys = (found.key.removeprefix(f"{prefix}/") for found in self.store.list(prefix))
        return sorted({ref for key in keys if is_ref_name(ref := key.split("/")[0])})

    def promote(
        self, ref: str, snapshot_id: str, promotion_id: str, expect: str | None
    ) -> RefEntry:
        """Point a ref at a committed snapshot; see `RefLog.promote`.

        Raises `DataError` where it is gone, or another that its rows are read from; where that
        happens while the ref is moved, it is moved back.
        """
        with_all_needed([snapshot_id], self.snapshot)
        entry = self.log(ref).promote(snapshot_id, promotion_id, expect, self.now())
        self._require_readable_still(entry)
        return entry

    def _require_readable_still(self, entry: RefEntry) -> None:
        """An expire may have looked at the refs before this entry, and deleted after the check."""
        gone = self.gone([entry.snapshot_id])
        if not gone:
            return
        log = self.log(entry.ref)
        if log.head() == entry and entry.number > 0:
            self._undo(log, entry)
        raise DataError(
            "a snapshot expired while a ref was moved to it; the ref is moved back",
            expected=f"{entry.snapshot_id}, with all that it needs",
            found=f"gone: {', '.join(gone)}",
            where=f"entry {entry.number} of {self.model}/refs/{entry.ref}",
            remedy="name one of `python -m jobs snapshots list`",
        )

    def _undo(self, log: RefLog, entry: RefEntry) -> None:
        """Back to where the ref was: a move is rolled back, a rollback is made up for."""
        if entry.restores is None:
            self._restore(log, entry, log.before(entry), entry.snapshot_id)
            return
        before = next(each for each in log.history() if each.number < entry.number)
        promotion_id = f"undo-{entry.number}-{before.snapshot_id}"
        log.promote(before.snapshot_id, promotion_id, entry.snapshot_id, self.now())

    def advance(self, ref: str, manifest: Manifest, promotion_id: str) -> RefEntry:
        """Promote a snapshot unless the ref is on a later day; returns the ref's entry after that.

        A day that is run again does not take a ref back in time, and a promotion that was done
        before is not repeated, whatever the ref points to since. Raises as `promote` does.
        """
        for _ in range(DECISIONS):
            head = self.head(ref)
            if head is not None and self._is_later(head, manifest):
                return head
            expect = head.snapshot_id if head else None
            with suppress(ConflictError):  # another day moved it: decide again by where it is
                entry = self.promote(ref, manifest.snapshot_id, promotion_id, expect)
                return self.head(ref) or entry
        raise RetryableError(
            f"the ref {ref!r} is moved again and again",
            expected="a moment in which nobody else moves it",
            found=f"{DECISIONS} moves by others",
            where=f"{self.model}/refs/{ref}",
            remedy="run the command again",
        )

    def _is_later(self, head: RefEntry, manifest: Manifest) -> bool:
        """A head whose snapshot is gone holds nothing up."""
        found = self.find_snapshot(head.snapshot_id)
        return found is not None and found.start > manifest.start

    def rollback(self, ref: str, expect: str | None) -> RefEntry:
        """Point a ref at what it pointed to before `expect`, the snapshot it points to now.

        Raises `DataError` where there is nothing before it, or what was has expired,
        `ConflictError` where it moved.
        """
        log = self.log(ref)
        head = log.head()
        if head is None:
            raise DataError(
                f"the ref {ref!r} points to nothing",
                expected=f"one of {self.refs()}",
                found=ref,
                where=f"{self.model}/refs",
                remedy="name a ref that exists",
            )
        log.require(head, expect)  # first of all: after a move there may be nothing before
        target = log.before(head)
        self._require_not_expired(target)
        entry = self._restore(log, head, target, expect)
        self._require_readable_still(entry)
        return entry

    def _require_not_expired(self, target: RefEntry) -> None:
        try:
            with_all_needed([target.snapshot_id], self.snapshot)
        except DataError as error:
            raise DataError(
                "what the ref pointed to before has expired",
                expected="a snapshot that is still there, with those that it needs",
                found=error.found,
                where=f"entry {target.number} of {self.model}/refs/{target.ref}",
                remedy="name another to go to: `python -m jobs release promote`, one of "
                "`python -m jobs snapshots list`",
            ) from error

    def _restore(
        self, log: RefLog, head: RefEntry, target: RefEntry, expect: str | None
    ) -> RefEntry:
        return log.promote(
            target.snapshot_id,
            promotion_id=f"rollback-{head.number + 1}-{target.snapshot_id}",
            expect=expect,
            at=self.now(),
            restores=target.origin,
            searched=SEARCHED_BY_NUMBER,
        )
