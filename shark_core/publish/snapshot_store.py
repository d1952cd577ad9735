"""The committed snapshots of one model, write-once, every byte of theirs checked as it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from shark_core.errors import ConflictError, DataError, RetryableError
from shark_core.publish.manifest import Manifest, parse_manifest
from shark_core.publish.needed_snapshots import needed_snapshots, with_all_needed
from shark_core.publish.object_store import ObjectStore, StoredObject
from shark_core.publish.snapshot_file import CHECKSUMS, SnapshotFile

CHUNK = 1 << 20
Progress = Callable[[int], object]  # so many more bytes


@dataclass(frozen=True)
class SnapshotStore:
    store: ObjectStore
    model: str

    def commit(self, manifest: Manifest, progress: Progress = lambda _: None) -> Manifest:
        """Publish a snapshot whose files are stored. Returns the manifest that counts.

        That is another attempt's manifest where that attempt was first. Every file is read once
        more, and listed with both checksums. Raises `DataError` where one is missing or damaged, or
        a snapshot that this one is stored as changes on is gone, `RetryableError` where that goes
        meanwhile, `ConflictError` where the id is taken by other content.
        """
        checked = (self.check_file(manifest, file, progress) for file in manifest.files)
        manifest = manifest.model_copy(update={"files": tuple(checked)})
        with_all_needed(needed_snapshots(manifest), self.snapshot)
        self.store.put_if_absent(self.manifest_key(manifest.snapshot_id), manifest.to_bytes())
        committed = self.snapshot(manifest.snapshot_id)
        self._require_needed_still(committed, manifest.attempt)
        if not committed.same_content(manifest):
            raise ConflictError(
                "a snapshot of this id holds other content",
                expected="the same files and figures",
                found=f"attempt {committed.attempt} differs from attempt {manifest.attempt}",
                where=self.manifest_key(manifest.snapshot_id),
                remedy="run the day again from quantize on: its partitions changed meanwhile",
            )
        return committed

    def _require_needed_still(self, committed: Manifest, attempt: str) -> None:
        """One that this one needs may have expired between the look at it and the commit."""
        gone = self.gone(needed_snapshots(committed))
        if not gone:
            return
        if committed.attempt == attempt:
            self.store.delete(self.manifest_key(committed.snapshot_id))
        raise RetryableError(
            "a snapshot expired while this one was published as changes on it",
            expected=f"{', '.join(needed_snapshots(committed))}, with all that they need",
            found=f"gone: {', '.join(gone)}",
            where=self.manifest_key(committed.snapshot_id),
            remedy="run the command again: it publishes the tables whole",
        )

    def gone(self, snapshot_ids: Iterable[str]) -> list[str]:
        """Those of them, and of those that they need, that are not there; damaged ones are."""

        def find(snapshot_id: str) -> Manifest | None:
            with suppress(DataError):
                return self.find_snapshot(snapshot_id)
            return None

        needed = sorted(with_all_needed(snapshot_ids, find))
        return [each for each in needed if not self.store.exists(self.manifest_key(each))]

    def find_snapshot(self, snapshot_id: str) -> Manifest | None:
        key = self.manifest_key(snapshot_id)
        if not self.store.exists(key):
            return None
        try:
            with self.store.open(key) as file:
                content = file.read()
        except DataError:
            if self.store.exists(key):
                raise
            return None  # it expired in between
        return parse_manifest(content, where=key)

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
        return bytes(self.read_buffer(manifest, name))

    def read_buffer(self, manifest: Manifest, name: str) -> memoryview:
        """As `read_file`, for large ones: copied and checked in chunks that stay in the cache, into
        memory that comes in large pages, for which numpy asks.
        """
        file = manifest.file(name)
        content, size = np.empty(file.bytes, dtype=np.uint8), 0
        checksum = CHECKSUMS[file.read_by]()
        with self.store.open(self.data_key(manifest, name)) as stream:
            while chunk := stream.read(CHUNK):
                room = content[size : size + len(chunk)]
                room[:] = np.frombuffer(chunk, dtype=np.uint8)[: len(room)]
                checksum.update(chunk)
                size += len(chunk)
        self.require_intact(manifest, file, size, {file.read_by: checksum.hexdigest()})
        return content.data

    def check_file(
        self,
        manifest: Manifest,
        file: SnapshotFile,
        progress: Progress = lambda _: None,
    ) -> SnapshotFile:
        """Read a file of a snapshot to its end. Gives it with both checksums.

        `progress` is told how many bytes more were read. Raises `DataError` unless its size and
        every checksum that it is listed with are right.
        """
        key = self.data_key(manifest, file.name)
        checksums = {name: new() for name, new in CHECKSUMS.items()}
        with self.store.open(key) as stream:
            while chunk := stream.read(CHUNK):
                for checksum in checksums.values():
                    checksum.update(chunk)
                progress(len(chunk))
        found = {name: checksum.hexdigest() for name, checksum in checksums.items()}
        self.require_intact(manifest, file, self.store.size(key), found)
        return file.model_copy(update=found)

    def require_intact(
        self, manifest: Manifest, file: SnapshotFile, size: int, checksums: Mapping[str, str]
    ) -> None:
        """Raises `DataError` where a file has another size, or is listed with another checksum."""
        listed = file.checksums
        compared = [name for name in checksums if name in listed]
        expected = _described(file.bytes, {name: listed[name] for name in compared})
        found = _described(size, {name: checksums[name] for name in compared})
        if found != expected:
            raise DataError(
                "a file of a snapshot is damaged",
                expected=expected,
                found=found,
                where=self.data_key(manifest, file.name),
                remedy="run `python -m jobs publish` for that day again: it puts such files right; "
                "meanwhile roll back",
            )


def _described(size: int, checksums: Mapping[str, str]) -> str:
    return ", ".join([f"{size} bytes", *(f"{name} {digits}" for name, digits in checksums.items())])
