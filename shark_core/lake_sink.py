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


class HashingSink:
    """A write-only file of the lake that knows its size and checksum at the end."""

    def __init__(self, lake: Lake, path: str) -> None:
        self._lake = lake
        self._path = path
        self._hash = BackgroundHash()
        self._bytes = 0
        self.closed = False
        absolute = lake.absolute(path)
        with lake.writing(path):
            if isinstance(lake.filesystem, pafs.LocalFileSystem):
                lake.filesystem.create_dir(absolute.rsplit("/", 1)[0], recursive=True)
            self._stream = lake.filesystem.open_output_stream(absolute)

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self._bytes += len(data)
        with self._lake.writing(self._path):
            self._stream.write(data)
        return len(data)

    def flush(self) -> None:
        with self._lake.writing(self._path):
            self._stream.flush()

    def close(self) -> None:
        self.closed = True
        with self._lake.writing(self._path):
            self._stream.close()

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
