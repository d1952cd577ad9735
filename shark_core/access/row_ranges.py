"""Tables in ranges of rows: what one task holds in memory, and what one part file covers.

    num_embeddings 10,000,000   →   [0, 4194304)   [4194304, 8388608)   [8388608, 10000000)
                                    part-00000     part-00001           part-00002

Counters of a range take 64 MiB (two of 8 bytes a row), however large the table is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from shark_core.lake import Lake

RANGE_ROWS = 1 << 22


@dataclass(frozen=True, order=True)
class RowRange:
    """Rows `[start, end)` of a table."""

    start: int
    end: int

    @property
    def part(self) -> str:
        """The name of the file that holds the range's rows."""
        return f"part-{self.start // RANGE_ROWS:05d}.parquet"

    def may_be_in(self, path: str) -> bool:
        """Whether a file may hold rows of the range: part files of other ranges do not."""
        name = path.rsplit("/", 1)[-1]
        return name.startswith(self.part.removesuffix(".parquet")) or not name.startswith("part-")


def row_ranges(num_embeddings: int) -> list[RowRange]:
    starts = range(0, num_embeddings, RANGE_ROWS)
    return [RowRange(start, min(start + RANGE_ROWS, num_embeddings)) for start in starts]


def read_range(lake: Lake, paths: Iterable[str], rows: RowRange) -> Iterator[pa.Table]:
    """The range's rows of each file.

    Row groups outside the range are left aside by their statistics.
    """
    row_id = pc.field("row_id")
    inside = (row_id >= rows.start) & (row_id < rows.end)
    for path in paths:
        yield lake.read_parquet(path, filters=inside)
