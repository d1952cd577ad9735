"""Publishing a day: its compressed files become a snapshot.

draft ─ a thread a table ─→ copied whole, or written as changes on the parent's ─┐
      └ the other files ───────────────────────────────────────────────────────→ commit
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import BinaryIO

from tqdm import tqdm

from shark_core.config_sections import MOST_DELTAS, Release
from shark_core.errors import DataError
from shark_core.lake import FileEntry
from shark_core.models.table_params_file import FILE_NAME as PARAMS_FILE
from shark_core.models.table_params_file import TableParams, read_table_params
from shark_core.publish.catalog import Catalog
from shark_core.publish.delta_files import DeltaMaker, DeltaTable
from shark_core.publish.manifest import Manifest
from shark_core.publish.repair import damaged_files, put_right
from shark_core.publish.snapshot_file import SnapshotFile
from shark_core.publish.stored_table import StoredTable
from shark_core.publish.table_columns import parquet_content

Opener = Callable[[str], AbstractContextManager[BinaryIO]]

TABLES_AT_ONCE = 4
WHOLE = Release(max_deltas=0)
ALWAYS_CHANGES = Release(max_deltas=MOST_DELTAS, max_delta_share=1.0)


def publish_snapshot(
    catalog: Catalog, draft: Manifest, open_source: Opener, policy: Release = WHOLE
) -> Manifest:
    """Store the draft's files and commit it; put a snapshot that is published already right again,
    where it is damaged.

    `open_source(name)` opens a file of the draft for reading. Each call stores into a folder of its
    own, so that attempts do not touch each other; the first to commit is the snapshot, the files of
    the others stay unreferenced. Raises as `Catalog.commit` and `repair.put_right` do.
    """
    published = catalog.find_snapshot(draft.snapshot_id)
    if published is not None:
        _Publication(catalog, draft, open_source, policy).put_right(published)
        return published
    manifest = draft.model_copy(update={"attempt": secrets.token_hex(4)})
    stored = _Publication(catalog, manifest, open_source, policy).store()
    with _progress("check", stored.files) as progress:
        return catalog.commit(stored, progress.update)


@dataclass(frozen=True)
class _Publication:
    """One attempt."""

    catalog: Catalog
    manifest: Manifest
    open_source: Opener
    policy: Release

    def store(self) -> Manifest:
        """The manifest of what was stored."""
        of_tables = {name for table in self.manifest.tables for name in table.files}
        others = [file for file in self.manifest.files if file.name not in of_tables]
        maker, params = self._delta_maker(), self._params()
        with (
            _progress("publish", self.manifest.files) as progress,
            ThreadPoolExecutor(TABLES_AT_ONCE) as pool,
        ):
            stored = list(
                pool.map(
                    lambda table: self._store_table(table, maker, params, progress),
                    self.manifest.tables,
                )
            )
            for file in others:
                self._copy(file, progress)
        files = [*others, *(file for _, of_table in stored for file in of_table)]
        update = {
            "tables": tuple(table for table, _ in stored),
            "files": tuple(sorted(files, key=lambda file: file.name)),
        }
        return self.manifest.model_copy(update=update)

    def put_right(self, published: Manifest) -> None:
        with _progress("check", published.files) as progress:
            damaged = damaged_files(self.catalog, published, progress.update)
        put_right(self.catalog, published, damaged, partial(self._content, published))

    def _content(self, published: Manifest, name: str) -> bytes | None:
        """What a file of the published snapshot held, made again from the draft."""
        table = next((table for table in published.tables if name in table.files), None)
        if table is not None and table.base is not None:
            maker = DeltaMaker(self.catalog, self.catalog.snapshot(table.base), ALWAYS_CHANGES)
            changes = self._changes(self.manifest.table(table.field), maker, self._params())
            return changes.files[name][1] if changes and name in changes.files else None
        if name not in {file.name for file in self.manifest.files}:
            return None
        with self.open_source(name) as source:
            return source.read()

    def _delta_maker(self) -> DeltaMaker | None:
        """None where nothing is to build upon: no parent, or one that has expired."""
        if not self.policy.max_deltas or self.manifest.parent is None:
            return None
        parent = self.catalog.find_snapshot(self.manifest.parent)
        return DeltaMaker(self.catalog, parent, self.policy) if parent else None

    def _params(self) -> TableParams:
        if not self.manifest.tables:
            return {}
        return read_table_params(self._read(self.manifest.file(PARAMS_FILE)), PARAMS_FILE)

    def _store_table(
        self, table: StoredTable, maker: DeltaMaker | None, params: TableParams, progress: tqdm
    ) -> tuple[StoredTable, list[SnapshotFile]]:
        files = [self.manifest.file(name) for name in table.files]
        changes = self._changes(table, maker, params) if maker else None
        if changes is None:
            for file in files:
                self._copy(file, progress)
            return table, files
        written = self._write(changes)
        progress.update(sum(file.bytes for file in files))
        return changes.table, written

    def _changes(
        self, table: StoredTable, maker: DeltaMaker, params: TableParams
    ) -> DeltaTable | None:
        return maker.delta_of(
            table,
            params.get(table.field, {}),
            lambda name: parquet_content(self._read(self.manifest.file(name))),
            where=f"the draft of snapshot {self.manifest.snapshot_id}",
        )

    def _write(self, changes: DeltaTable) -> list[SnapshotFile]:
        written = []
        for name, (rows, content) in changes.files.items():
            digest = hashlib.sha256(content).hexdigest()
            written.append(SnapshotFile(name=name, rows=rows, bytes=len(content), sha256=digest))
            self.catalog.store.put_file_if_absent(self._key(name), BytesIO(content))
        return written

    def _copy(self, file: SnapshotFile, progress: tqdm) -> None:
        with self.open_source(file.name) as source:
            self.catalog.store.put_file_if_absent(self._key(file.name), source)
        progress.update(file.bytes)

    def _key(self, name: str) -> str:
        return self.catalog.data_key(self.manifest, name)

    def _read(self, file: SnapshotFile) -> bytes:
        """A file of the draft, checked as a stored one is."""
        with self.open_source(file.name) as source:
            content = source.read()
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise DataError(
                "a file that is to be published is damaged",
                expected=f"sha256 {file.sha256}",
                found="other content",
                where=file.name,
                remedy="run `python -m jobs quantize` for this day again",
            )
        return content


def _progress(what: str, files: Iterable[SnapshotFile]) -> tqdm:
    total = sum(file.bytes for file in files)
    return tqdm(total=total, unit="B", unit_scale=True, desc=what, disable=None)


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
