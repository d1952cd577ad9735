"""Writing a partition so that it is either the old one or the new one, never a mixture.

    with PartitionWriter(lake, target, run) as writer:
        writer.write_table("part-00000.parquet", table)
        with writer.open_parquet("part-00001.parquet", schema) as file:
            file.append(batch)
        writer.commit(inputs={"examples": fingerprint})

Files carry the attempt's name, so that two attempts do not touch each other; `commit` writes the
marker, which switches readers over, and then removes what the marker does not list.

On S3 a removal by pyarrow leaves an empty object named like the folder. Nothing here needs or reads
such objects.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from shark_core.errors import RetryableError, SharkError
from shark_core.lake import MARKER_NAME, FileEntry, Lake, Marker, Partition
from shark_core.lake_sink import HashingSink, OpenParquet, remove_file

LEFT = "what this attempt wrote is left, unread, to the next one: the storage does not remove it"


@dataclass(frozen=True)
class RunStamp:
    """What every marker records of the run that wrote it."""

    config_hash: str
    code_version: str


@dataclass(frozen=True)
class AttemptFiles:
    """Writes files of one attempt; picklable by value, so that Spark tasks can use it."""

    lake: Lake
    folder: str
    attempt: str

    def new_path(self, name: str) -> str:
        """Another one each time: a task that Spark runs twice does not write to the same file."""
        stem, suffix = name.rsplit(".", 1)
        return f"{self.folder}/{stem}-{self.attempt}-{secrets.token_hex(4)}.{suffix}"

    def write_batches(
        self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], **options: Any
    ) -> FileEntry:
        """Stream record batches into one Parquet file; `options` go to `pq.ParquetWriter`."""
        with self.open_parquet(name, schema, **options) as file:
            for batch in batches:
                file.append(batch)
        return file.entry()

    @contextmanager
    def open_parquet(self, name: str, schema: pa.Schema, **options: Any) -> Iterator[OpenParquet]:
        """A Parquet file to append to, beside others that are open.

        It is whole when the block ends, and gone when it fails.
        """
        with (
            self._sink(name) as sink,
            pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, **options) as writer,
        ):
            yield OpenParquet(sink, writer)

    def write_table(self, name: str, table: pa.Table, **options: Any) -> FileEntry:
        return self.write_batches(name, table.schema, table.to_batches(), **options)

    def write_bytes(self, name: str, content: bytes) -> FileEntry:
        with self._sink(name) as sink:
            sink.write(content)
        return sink.entry(rows=0)

    @contextmanager
    def _sink(self, name: str) -> Iterator[HashingSink]:
        """A file that is whole when the block ends, and gone when it fails."""
        sink = HashingSink(self.lake, self.new_path(name))
        try:
            yield sink
            sink.close()
        except BaseException as error:
            sink.discard(error)
            raise


class PartitionWriter:
    """One attempt at one partition. Leaving the block without `commit` removes what was written."""

    def __init__(self, lake: Lake, target: Partition, run: RunStamp) -> None:
        self.lake = lake
        self.target = target
        self.run = run
        self.folder = lake.folder(target)
        self.files = AttemptFiles(lake, self.folder, secrets.token_hex(4))
        self._entries: list[FileEntry] = []
        self._committed = False

    def add(self, entries: Iterable[FileEntry]) -> None:
        """Take over files that tasks wrote by `self.files`."""
        self._entries.extend(entries)

    def write_table(self, name: str, table: pa.Table, **options: Any) -> None:
        self._entries.append(self.files.write_table(name, table, **options))

    def write_batches(
        self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], **options: Any
    ) -> None:
        self._entries.append(self.files.write_batches(name, schema, batches, **options))

    @contextmanager
    def open_parquet(self, name: str, schema: pa.Schema, **options: Any) -> Iterator[OpenParquet]:
        """As `AttemptFiles.open_parquet`; files that failed are not of the partition."""
        with self.files.open_parquet(name, schema, **options) as file:
            yield file
        self._entries.append(file.entry())

    def write_bytes(self, name: str, content: bytes) -> None:
        self._entries.append(self.files.write_bytes(name, content))

    def commit(self, inputs: dict[str, str], facts: dict[str, Any] | None = None) -> Marker:
        """Check that every file is there, then switch readers over to this attempt."""
        files = tuple(sorted(self._entries, key=lambda entry: entry.logical_path))
        self._check(files)
        marker = Marker(
            dataset=self.target.dataset.name,
            files=files,
            inputs=inputs,
            config_hash=self.run.config_hash,
            code_version=self.run.code_version,
            facts=facts or {},
        )
        self._write_marker(marker)
        self._committed = True
        self._remove_unlisted(marker)
        return marker

    def _check(self, files: tuple[FileEntry, ...]) -> None:
        with self.lake.writing(self.folder):
            infos = self.lake.filesystem.get_file_info([self.lake.absolute(f.path) for f in files])
        for entry, info in zip(files, infos, strict=True):
            if info.type != pafs.FileType.File or info.size != entry.bytes:
                raise RetryableError(
                    "a file that this attempt wrote is gone or has another size",
                    expected=f"{entry.bytes} bytes",
                    found=f"{info.size} bytes" if info.size is not None else "nothing",
                    where=self.lake.location(entry.path),
                    remedy="run the job again, and only once at a time for a partition",
                )

    def _write_marker(self, marker: Marker) -> None:
        filesystem = self.lake.filesystem
        content = marker.to_json().encode()
        path = f"{self.folder}/{MARKER_NAME}"
        final = self.lake.absolute(path)
        with self.lake.writing(path):
            if not isinstance(filesystem, pafs.LocalFileSystem):
                with filesystem.open_output_stream(final) as stream:  # an upload appears whole
                    stream.write(content)
                return
            filesystem.create_dir(final.rsplit("/", 1)[0], recursive=True)
            temporary = f"{final}.{self.files.attempt}"
            with filesystem.open_output_stream(temporary) as stream:
                stream.write(content)
            filesystem.move(temporary, final)

    def _remove_unlisted(self, marker: Marker) -> None:
        listed = {entry.path for entry in marker.files} | {f"{self.folder}/{MARKER_NAME}"}
        for path in self._present():
            if path not in listed:
                remove_file(self.lake, path)

    def _present(self) -> list[str]:
        folder = self.lake.absolute(self.folder)
        selector = pafs.FileSelector(folder, recursive=True, allow_not_found=True)
        with self.lake.writing(self.folder):
            infos = self.lake.filesystem.get_file_info(selector)
        files = [info.path for info in infos if info.type == pafs.FileType.File]
        return [f"{self.folder}{path.removeprefix(folder)}" for path in files]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._committed or LEFT in getattr(error, "__notes__", ()):
            return
        try:
            for path in self._present():
                if f"-{self.files.attempt}-" in path:
                    remove_file(self.lake, path)
        except SharkError:
            if error is None:
                raise
            error.add_note(LEFT)  # the error itself is what matters, and other writers need not try
