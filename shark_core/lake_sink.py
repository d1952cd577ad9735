"""Files of the lake while they are written: they know their size and checksum at the end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from shark_core.background_hash import BackgroundHash
from shark_core.errors import SharkError
from shark_core.lake import FileEntry, Lake

PIECE = 1 << 20  # bytes that are written together: Parquet's pages and their headers come singly


class HashingSink:
    """A write-only file of the lake that knows its size and checksum at the end."""

    def __init__(self, lake: Lake, path: str) -> None:
        self._lake = lake
        self._path = path
        self._hash = BackgroundHash()
        self._bytes = 0
        self._waiting: list[bytes] = []
        self._bytes_waiting = 0
        self.closed = False
        absolute = lake.absolute(path)
        with lake.writing(path):
            if isinstance(lake.filesystem, pafs.LocalFileSystem):
                lake.filesystem.create_dir(absolute.rsplit("/", 1)[0], recursive=True)
            self._stream = lake.filesystem.open_output_stream(absolute)

    def write(self, data: bytes) -> int:
        """What is not `bytes` is copied: its owner may change it before it is written."""
        self._waiting.append(data if isinstance(data, bytes) else bytes(data))
        self._bytes_waiting += len(data)
        if self._bytes_waiting >= PIECE:
            self._write_waiting()
        return len(data)

    def flush(self) -> None:
        self._write_waiting()
        with self._lake.writing(self._path):
            self._stream.flush()

    def close(self) -> None:
        self.closed = True
        try:
            self._write_waiting()
        finally:
            with self._lake.writing(self._path):
                self._stream.close()

    def _write_waiting(self) -> None:
        if not self._waiting:
            return
        piece = b"".join(self._waiting)
        self._waiting, self._bytes_waiting = [], 0
        self._hash.update(piece)
        self._bytes += len(piece)
        with self._lake.writing(self._path):
            self._stream.write(piece)

    def discard(self, error: BaseException) -> None:
        """An upload cannot be abandoned in pyarrow: it is ended, then what it published removed."""
        try:
            self.close()
            remove_file(self._lake, self._path)
        except SharkError as trouble:
            error.add_note(f"what was written of {self._path} may be left: {trouble}")

    def entry(self, rows: int) -> FileEntry:
        return FileEntry(self._path, rows, self._bytes, self._hash.hexdigest())


class OpenParquet:
    """A Parquet file that is being written; each batch becomes a row group."""

    def __init__(self, sink: HashingSink, writer: pq.ParquetWriter) -> None:
        self._sink = sink
        self._writer = writer
        self._rows = 0

    def append(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)
        self._rows += batch.num_rows

    def describe(self, metadata: Mapping[str, str]) -> None:
        """Add what a reader of this one file wants to know to its own metadata."""
        self._writer.add_key_value_metadata(dict(metadata))

    def entry(self) -> FileEntry:
        """What was written, once the file is closed."""
        return self._sink.entry(self._rows)


def remove_file(lake: Lake, path: str) -> None:
    with lake.writing(path), suppress(FileNotFoundError):  # another attempt removed it
        lake.filesystem.delete_file(lake.absolute(path))
