"""The catalog of one model: its snapshots and its refs, like git with write-once keys.

registry/<model>/data/<snapshot_id>/<attempt>/…     files, unreachable until a manifest lists them
registry/<model>/snapshots/<snapshot_id>.json       manifest: commits the snapshot
registry/<model>/refs/<ref>/<99999999-n>.json       log of a ref: rolls it out, and back
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from shark_core.background_hash import BackgroundHash
from shark_core.errors import ConflictError, DataError
from shark_core.publish.manifest import Manifest, SnapshotFile, parse_manifest
from shark_core.publish.needed_snapshots import needed_snapshots, with_all_needed
from shark_core.publish.object_store import ObjectStore, StoredObject
from shark_core.publish.ref_log import RefEntry, RefLog

CANDIDATE, PRODUCTION = "candidate", "production"
CHUNK = 1 << 20


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Catalog:
    store: ObjectStore
    model: str
    now: Callable[[], datetime] = utc_now  # for the entries of refs

    def commit(self, manifest: Manifest) -> Manifest:
        """Publish a snapshot whose files are stored. Returns the manifest that counts.

        That is another attempt's manifest where that attempt was first. Raises `DataError` where a
        file is missing or damaged, or a snapshot that this one is stored as changes on is gone,
        `ConflictError` where the id is taken by other content.
        """
        for file in manifest.files:
            self.check_file(manifest, file)
        with_all_needed(needed_snapshots(manifest), self.snapshot)
        self.store.put_if_absent(self.manifest_key(manifest.snapshot_id), manifest.to_bytes())
        committed = self.snapshot(manifest.snapshot_id)
        if not committed.same_content(manifest):
            raise ConflictError(
                "a snapshot of this id holds other content",
                expected="the same files and figures",
                found=f"attempt {committed.attempt} differs from attempt {manifest.attempt}",
                where=self.manifest_key(manifest.snapshot_id),
                remedy="run the day again from quantize on: its partitions changed meanwhile",
            )
        return committed

    def find_snapshot(self, snapshot_id: str) -> Manifest | None:
        key = self.manifest_key(snapshot_id)
        if not self.store.exists(key):
            return None
        with self.store.open(key) as file:
            return parse_manifest(file.read(), where=key)

    def snapshot(self, snapshot_id: str) -> Manifest:
        """A committed snapshot. Raises `DataError` where there is none of this id."""
        found = self.find_snapshot(snapshot_id)
        if found is None:
            raise DataError(
                "no such snapshot",
                expected=f"a committed snapshot of {self.model}",
                found=snapshot_id,
                where=self.manifest_key(snapshot_id),
                remedy="name one of `python -m jobs snapshots list`",
            )
        return found

    def manifests(self) -> Iterator[tuple[str, StoredObject]]:
        """The ids of all snapshots, in order, each with its manifest as it is stored."""
        prefix = f"{self.model}/snapshots"
        for found in self.store.list(prefix):
            yield found.key.removeprefix(f"{prefix}/").removesuffix(".json"), found

    def manifest_key(self, snapshot_id: str) -> str:
        return f"{self.model}/snapshots/{snapshot_id}.json"

    def data_key(self, manifest: Manifest, name: str) -> str:
        return f"{self.model}/data/{manifest.snapshot_id}/{manifest.attempt}/{name}"

    def read_file(self, manifest: Manifest, name: str) -> bytes:
        """A file of a snapshot. Raises `DataError` unless its size and checksum are right."""
        with self.reading(manifest, name) as content:
            return content

    @contextmanager
    def reading(self, manifest: Manifest, name: str) -> Iterator[bytes]:
        """As `read_file`, but checked beside what the block does with it.

        What the block made of it counts only where leaving the block does not raise; of a damaged
        file that is `DataError`, whatever the block raised.
        """
        with self.store.open(self.data_key(manifest, name)) as stream:
            content = stream.read()
        digest = BackgroundHash()
        digest.update(content)
        try:
            yield content
        finally:
            found = f"{len(content)} bytes, sha256 {digest.hexdigest()}"
            self._require_intact(manifest, manifest.file(name), found)

    def check_file(
        self,
        manifest: Manifest,
        file: SnapshotFile,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Read a file of a snapshot to its end. Raises as `read_file` does.

        `progress` is told how many bytes more were read.
        """
        key = self.data_key(manifest, file.name)
        digest = hashlib.sha256()
        with self.store.open(key) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                progress(len(chunk))
        found = f"{self.store.size(key)} bytes, sha256 {digest.hexdigest()}"
        self._require_intact(manifest, file, found)

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
        return sorted({key.split("/")[0] for key in keys})

    def promote(
        self, ref: str, snapshot_id: str, promotion_id: str, expect: str | None
    ) -> RefEntry:
        """Point a ref at a committed snapshot; see `RefLog.promote`.

        Raises `DataError` where it is gone, or another that its rows are read from.
        """
        with_all_needed([snapshot_id], self.snapshot)
        return self.log(ref).promote(snapshot_id, promotion_id, expect, self.now())

    def advance(self, ref: str, manifest: Manifest, promotion_id: str) -> RefEntry:
        """Promote a snapshot unless the ref is on a later day; returns the ref's entry after that.

        A day that is run again does not take a ref back in time, and a promotion that was done
        before is not repeated, whatever the ref points to since. Raises as `promote` does.
        """
        head = self.head(ref)
        if head is not None and self.snapshot(head.snapshot_id).start > manifest.start:
            return head
        expect = head.snapshot_id if head else None
        entry = self.promote(ref, manifest.snapshot_id, promotion_id, expect)
        return self.head(ref) or entry

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
        with_all_needed([target.snapshot_id], self.snapshot)  # they may have expired
        return log.promote(
            target.snapshot_id,
            promotion_id=f"rollback-{head.number + 1}-{target.snapshot_id}",
            expect=expect,
            at=self.now(),
            restores=target.number if target.restores is None else target.restores,
        )

    def _require_intact(self, manifest: Manifest, file: SnapshotFile, found: str) -> None:
        expected = f"{file.bytes} bytes, sha256 {file.sha256}"
        if found != expected:
            raise DataError(
                "a file of a snapshot is damaged",
                expected=expected,
                found=found,
                where=self.data_key(manifest, file.name),
                remedy="publish the day again under a new snapshot, or roll back",
            )
