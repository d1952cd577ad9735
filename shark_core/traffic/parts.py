"""Streams traffic into the part files of one partition."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import pyarrow as pa

from shark_core.lake import FileEntry
from shark_core.partition_writer import AttemptFiles, PartitionWriter

BATCHES_A_PART = 16


def write_parts(
    writer: PartitionWriter, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> int:
    """Each batch becomes a row group, sixteen of them a file, so that tasks can share a day.

    part-00000 │ batch 0 … batch 15 │    part-00001 │ batch 16 … │    …

    Returns the number of rows written.
    """
    rows = 0
    for number, first in enumerate(batches):
        part = chain([first], islice(batches, BATCHES_A_PART - 1))
        entry = writer.files.write_batches(
            f"part-{number:05d}.parquet", schema, part, compression="zstd", compression_level=1
        )
        writer.add([entry])
        rows += entry.rows
    return rows


def write_part(
    files: AttemptFiles, name: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> FileEntry | None:
    """Each batch is a row group of one file; without any batch there is no file."""
    first = next(batches, None)
    if first is None:
        return None
    return files.write_batches(name, schema, chain([first], batches), compression="zstd")
