"""Files of snapshots, checked beside what is done with their content where that takes long.

sha256 takes longer than decoding a table; where a manifest has the fast checksum, a file is checked
at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shark_core.background_hash import BackgroundHash
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_file import SHA256
from shark_core.publish.snapshot_store import SnapshotStore


@dataclass(frozen=True)
class _Started:
    manifest: Manifest
    name: str
    bytes: int
    digest: BackgroundHash


@dataclass
class CheckedReads:
    snapshots: SnapshotStore
    _started: list[_Started] = field(default_factory=list)

    def read(self, manifest: Manifest, name: str) -> bytes | memoryview:
        """The content of a file, which is not known to be right before the block has ended."""
        if manifest.file(name).read_by != SHA256:
            return self.snapshots.read_buffer(manifest, name)
        with self.snapshots.store.open(self.snapshots.data_key(manifest, name)) as stream:
            content = stream.read()
        digest = BackgroundHash()
        digest.update(content)
        self._started.append(_Started(manifest, name, len(content), digest))
        return content

    def require_intact(self) -> None:
        for each in self._started:
            file = each.manifest.file(each.name)
            found = {SHA256: each.digest.hexdigest()}
            self.snapshots.require_intact(each.manifest, file, each.bytes, found)


@contextmanager
def checked_reads(snapshots: SnapshotStore) -> Iterator[CheckedReads]:
    """What the block made of files counts only where leaving it does not raise; of a damaged file
    that is `DataError`, whatever the block raised.
    """
    reads = CheckedReads(snapshots)
    try:
        yield reads
    finally:
        reads.require_intact()
