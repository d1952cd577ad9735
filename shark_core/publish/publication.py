"""Publishing a day: its compressed files become a snapshot."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import BinaryIO

from shark_core.lake import FileEntry
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest, SnapshotFile

Opener = Callable[[str], AbstractContextManager[BinaryIO]]


def publish_snapshot(catalog: Catalog, draft: Manifest, open_source: Opener) -> Manifest:
    """Copy the draft's files and commit it, unless the snapshot is published already.

    `open_source(name)` opens a file of the draft for reading. Each call copies into a folder of its
    own, so that attempts do not touch each other; the first to commit is the snapshot, the files of
    the others stay unreferenced. Raises as `Catalog.commit` does.
    """
    published = catalog.find_snapshot(draft.snapshot_id)
    if published is not None:
        return published
    manifest = draft.model_copy(update={"attempt": secrets.token_hex(4)})
    for file in manifest.files:
        with open_source(file.name) as source:
            catalog.store.put_file_if_absent(catalog.data_key(manifest, file.name), source)
    return catalog.commit(manifest)


def snapshot_files(folder: str, entries: Iterable[FileEntry]) -> dict[str, FileEntry]:
    """Name in the snapshot → file of the partition at `folder`.

    `compressed/ds=…/table=a/tier=int8/part-00000-3f9a1c20-b7e15d02.parquet` becomes
    `table=a/tier=int8/part-00000.parquet`.
    """
    return {entry.logical_path.removeprefix(f"{folder}/"): entry for entry in entries}


def describe_files(files: dict[str, FileEntry]) -> tuple[SnapshotFile, ...]:
    return tuple(
        SnapshotFile(name=name, rows=entry.rows, bytes=entry.bytes, sha256=entry.sha256)
        for name, entry in sorted(files.items())
    )
