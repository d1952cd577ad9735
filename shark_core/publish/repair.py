"""Putting a published snapshot right again whose files are damaged or gone.

What its manifest says of a file (size, sha256) is what is put there again, and nothing else: who
read it before reads the same bytes after.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

from shark_core.errors import DataError
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_file import SnapshotFile
from shark_core.publish.snapshot_store import Progress, SnapshotStore

LOOKS = 3
log = logging.getLogger("shark")

Content = Callable[[str], bytes | None]  # of a file by name; None where it cannot be made


def damaged_files(
    snapshots: SnapshotStore, manifest: Manifest, progress: Progress = lambda _: None
) -> list[SnapshotFile]:
    """Those whose bytes are not what the manifest says. Every file is read to its end."""
    return [file for file in manifest.files if _is_damaged(snapshots, manifest, file, progress)]


def _is_damaged(
    snapshots: SnapshotStore, manifest: Manifest, file: SnapshotFile, progress: Progress
) -> bool:
    """Whatever way it is read: what is damaged on its way here is none of the storage."""
    for _ in range(LOOKS):
        try:
            snapshots.check_file(manifest, file, progress)
        except DataError:
            continue
        return False
    return True


def put_right(
    snapshots: SnapshotStore, manifest: Manifest, damaged: list[SnapshotFile], content: Content
) -> None:
    """Store these files again. Raises `DataError` where `content` has other bytes for one."""
    for file in damaged:
        made = content(file.name)
        found = None if made is None else hashlib.sha256(made).hexdigest()
        if made is None or found != file.sha256:
            raise DataError(
                "a damaged file of a snapshot cannot be made again from what the day is now",
                expected=f"sha256 {file.sha256}",
                found=f"sha256 {found}" if found else "no such file",
                where=snapshots.data_key(manifest, file.name),
                remedy="roll refs that point to it back, then restore the file from a copy",
            )
        key = snapshots.data_key(manifest, file.name)
        snapshots.store.replace(key, made)
        snapshots.check_file(manifest, file)
        log.warning("put right: %s", key)
