"""Which records of a past day's traffic are its examples, and fit the fields that these lack.

    traffic     label   user   in quarantine      taken   unfit
    record 0        1      7   no                 yes     no
    record 1        9     12   yes                no      no
    record 2        0     51   no                 yes     yes: no row of a table with 50 rows

Who counts the fields and who adds them to the examples both ask here: so the two agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shark_core.access.past_days import PastDay
from shark_core.access.past_traffic import PastTraffic
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake, logical_path, partition
from shark_core.schemas import QUARANTINE
from shark_core.traffic.columns import plain
from shark_core.traffic.numbers import as_floats
from shark_core.traffic.quarantine import refused_rows
from shark_core.traffic.traffic_files import Split, plan_splits, read_split
from shark_core.traffic.validation import refused_for_fields


@dataclass(frozen=True, eq=False)
class Judgement:
    """Of B records: which the day took, their labels, and which it took though they are unfit."""

    taken: np.ndarray  # (B,) bool
    labels: np.ndarray  # (B,) int8, 0 for records that were not taken
    unfit: np.ndarray  # (B,) bool

    @property
    def counts(self) -> np.ndarray:
        """Which are there for the fields `(B,)` bool."""
        return self.taken & ~self.unfit


@dataclass(frozen=True, eq=False)
class PastSplit:
    """`judges`: fields in whose tables a record must have rows; `quarantined`: the positions in the
    file of records that the day refused, those of the split.
    """

    lake: Lake
    label_column: str
    judges: tuple[Field, ...]
    split: Split
    quarantined: np.ndarray  # (Q,) int64, ascending

    @property
    def rows(self) -> int:
        return self.split.rows

    @property
    def examples(self) -> int:
        """How many of its records the day took."""
        return self.split.rows - len(self.quarantined)

    def judged(self, *columns: str) -> Iterator[tuple[pa.RecordBatch, Judgement]]:
        """Batches of its records, with `columns` and what it takes to judge them.

        Raises `DataError` for a record that the day took though its label is neither 0 nor 1.
        """
        judging = [self.label_column, *(field.column for field in self.judges)]
        read = list(dict.fromkeys([*judging, *columns]))
        for first_row, batch in read_split(self.lake, self.split, read):
            taken = self._was_taken(first_row, batch.num_rows)
            unfit = taken & refused_for_fields(batch, self.judges)
            yield batch, Judgement(taken, self._labels(batch, taken), unfit)

    def _was_taken(self, first_row: int, rows: int) -> np.ndarray:
        taken = np.ones(rows, dtype=bool)
        first, last = np.searchsorted(self.quarantined, [first_row, first_row + rows])
        taken[self.quarantined[first:last] - first_row] = False
        return taken

    def _labels(self, batch: pa.RecordBatch, taken: np.ndarray) -> np.ndarray:
        values = as_floats(plain(batch.column(self.label_column)), fill=np.nan)
        values = np.where(taken, values, 0.0)
        if not np.isin(values, (0.0, 1.0)).all():
            raise DataError(
                "records that the day took as examples have no label",
                expected=f"0 or 1 in column {self.label_column!r} (config key label.column)",
                found=f"{np.setdiff1d(values, (0.0, 1.0))[0]:g} in at least one of them",
                where=self.lake.location(self.split.path),
                remedy="give the label's column of that day, or run `python -m jobs ingest` for it",
            )
        return values.astype(np.int8)


def past_splits(
    lake: Lake, label_column: str, past: PastDay, traffic: PastTraffic
) -> Iterator[PastSplit]:
    """The splits of the day's traffic. Raises `DataError` where its quarantine is not of it."""
    refused = _refused(lake, past)
    for split in plan_splits(traffic.files):
        rows = refused.get(logical_path(split.path), np.empty(0, np.int64))
        first, last = np.searchsorted(rows, [split.first_row, split.first_row + split.rows])
        yield PastSplit(lake, label_column, traffic.judges, split, rows[first:last])


def _refused(lake: Lake, past: PastDay) -> dict[str, np.ndarray]:
    """Raises `DataError` where the day's quarantine is of another ingest than its examples."""
    target = partition(QUARANTINE, past.day)
    quarantine = lake.marker(target)
    expected, found = (
        (marker.inputs.get("traffic"), marker.facts.get("quarantined"))
        for marker in (past.examples, quarantine)
    )
    if expected != found:
        raise DataError(
            f"the quarantine of {past.day} is of another ingest than the day's examples",
            expected=f"traffic {expected[0]}, records {expected[1]}",
            found=f"traffic {found[0]}, records {found[1]}",
            where=lake.location(target.path),
            remedy="run `python -m jobs ingest` for this day again",
        )
    return refused_rows(lake, [entry.path for entry in quarantine.files])
