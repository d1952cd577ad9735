"""Rows of a day's examples files, in order, dealt out to tasks.

    examples files     part-0: 60 rows     part-1: 40 rows
    dealt out          50 │ 10 and 10 │ 30

Examples lie in the order of the records that they were made from, however the files are divided.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from shark_core.lake import FileEntry, Lake
from shark_core.traffic.traffic_files import BATCH_ROWS


@dataclass(frozen=True)
class ExampleRun:
    """`rows` rows of an examples file, from the row `first` on."""

    path: str
    first: int
    rows: int


Runs = tuple[ExampleRun, ...]


def deal_out(files: Sequence[FileEntry], shares: Sequence[int]) -> list[Runs]:
    """The next `shares[i]` rows of the files for each i. The shares are as many as the rows."""
    rest = deque(ExampleRun(file.path, 0, file.rows) for file in _in_order(files))
    return [tuple(_dealt(rest, share)) for share in shares]


def _in_order(files: Sequence[FileEntry]) -> list[FileEntry]:
    """By the number in their names, of which the hundred thousandth has a digit more."""
    return sorted(files, key=lambda file: (len(file.logical_path), file.logical_path))


def _dealt(rest: deque[ExampleRun], share: int) -> Iterator[ExampleRun]:
    while share:
        run = rest.popleft()
        if run.rows > share:
            rest.appendleft(replace(run, first=run.first + share, rows=run.rows - share))
            run = replace(run, rows=share)
        share -= run.rows
        yield run


class ExampleRows:
    """Reads runs, in order, as many rows at a time as are wanted."""

    def __init__(self, lake: Lake, runs: Runs, schema: pa.Schema) -> None:
        self._waiting = schema.empty_table()
        self._tables = (table for run in runs for table in _read(lake, run, schema))

    def take(self, rows: int) -> pa.Table:
        """The next rows; a `RuntimeError` where there are not so many."""
        while self._waiting.num_rows < rows:
            table = next(self._tables, None)
            if table is None:
                raise RuntimeError("more examples are wanted than were dealt out")
            self._waiting = pa.concat_tables([self._waiting, table])
        taken, self._waiting = self._waiting.slice(0, rows), self._waiting.slice(rows)
        return taken


def _read(lake: Lake, run: ExampleRun, schema: pa.Schema) -> Iterator[pa.Table]:
    end, position = run.first + run.rows, 0
    with (
        lake.reading(run.path),
        lake.filesystem.open_input_file(lake.absolute(run.path)) as source,
    ):
        for batch in pq.ParquetFile(source).iter_batches(BATCH_ROWS, columns=schema.names):
            first = max(run.first - position, 0)
            rows = min(end - position, batch.num_rows) - first
            if rows > 0:
                table = pa.Table.from_batches([batch.slice(first, rows)])
                yield table.select(schema.names).cast(schema)
            position += batch.num_rows
            if position >= end:
                return
