"""Counts of a day's accesses as files of one attempt: partial ones, and the part files they become.

    small table, one task      ──────────────────────────→ part-00000
    otherwise                  partial-00000-00000 ┐
                               partial-00001-00000 ┼─ add up ─→ part-00000   rows of the first range
                               partial-00001-00001 ┘         └→ part-00001   rows of the second

A part file holds a range of rows, whoever counted them: the same accesses give the same bytes,
however the work was divided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shark_core.access.counts import add_counts
from shark_core.access.row_ranges import RANGE_ROWS, RowRange, read_range, row_ranges
from shark_core.config_sections import Field
from shark_core.lake import FileEntry, Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import ACCESS_COUNTS_SCHEMA

# Ascending row ids as differences: a third smaller and twice as fast to write as the default.
ENCODING = {
    "compression": "zstd",
    "use_dictionary": ["positives", "negatives"],
    "column_encoding": {"row_id": "DELTA_BINARY_PACKED"},
}


@dataclass(frozen=True)
class FieldOutput:
    """A field, and the files of the attempt at its partition."""

    field: Field
    files: AttemptFiles

    @property
    def ranges(self) -> list[RowRange]:
        return row_ranges(self.field.num_embeddings)


@dataclass(frozen=True)
class FieldCounts:
    """What was counted of a field: files, and all accesses in them."""

    field: Field
    entries: tuple[FileEntry, ...]
    positives: int
    negatives: int

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "positives": self.positives,
            "negatives": self.negatives,
            "row_assignment": self.field.row_assignment,
        }


class CountsWriter:
    """Writes what one task counts of a field: as many partial files as it takes, and the rest.

    `alone`: nothing else counts this field on this day. Then the rest is the part file, if that has
    one range and nothing was written before.
    """

    def __init__(self, output: FieldOutput, task: int, alone: bool) -> None:
        self._output = output
        self._task = task
        self._may_be_final = alone and len(output.ranges) == 1
        self._written = FieldCounts(output.field, (), 0, 0)

    def write(self, tables: Iterable[pa.Table]) -> None:
        for table in tables:
            number = len(self._written.entries)
            self._add(table, f"partial-{self._task:05d}-{number:05d}.parquet")

    def finish(self, rest: pa.Table) -> FieldCounts:
        if self._may_be_final and not self._written.entries:
            self._add(rest, self._output.ranges[0].part)
        else:
            self.write([rest])
        return self._written

    def _add(self, table: pa.Table, name: str) -> None:
        entry = _write(self._output.files, name, table)
        self._written = FieldCounts(
            self._written.field,
            (*self._written.entries, entry),
            self._written.positives + pc.sum(table["positives"], min_count=0).as_py(),
            self._written.negatives + pc.sum(table["negatives"], min_count=0).as_py(),
        )


def _write(files: AttemptFiles, name: str, table: pa.Table) -> FileEntry:
    """A row group for each range of rows, so that `read_range` finds it."""
    batches = _by_range(table)
    return files.write_batches(name, ACCESS_COUNTS_SCHEMA, batches, **ENCODING)


def _by_range(table: pa.Table) -> Iterator[pa.RecordBatch]:
    ranges = table["row_id"].to_numpy() // RANGE_ROWS
    first, last = (int(ranges[0]), int(ranges[-1])) if len(ranges) else (0, -1)
    bounds = ranges.searchsorted(range(first, last + 2))
    for start, end in pairwise(bounds):
        yield from table.slice(start, end - start).combine_chunks().to_batches()


@dataclass(frozen=True)
class SumTask:
    """Add up the counts in `paths` for a range of a field's rows; `size`: about how many rows."""

    lake: Lake
    output: FieldOutput
    paths: tuple[str, ...]
    rows: RowRange
    size: float


def sum_range(task: SumTask) -> FileEntry:
    """One file at a time; the part file is written even where the range has no accesses."""
    tables = read_range(task.lake, task.paths, task.rows)
    return _write(task.output.files, task.rows.part, add_counts(tables, task.rows))
