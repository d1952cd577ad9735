"""Which records of a past day's traffic count for the fields, and with which label.

    traffic     label   user   in quarantine        →   label
    record 0        1      7   no                           1
    record 1        9     12   yes                       null   the day did not take it
    record 2        0     51   no                        null   no row of a table with 50 rows

Each record is judged once, however many fields are counted: the labels are kept in a file for each
split of the traffic, for the tasks that count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.traffic.columns import plain
from shark_core.traffic.numbers import as_floats
from shark_core.traffic.traffic_files import Split, read_split
from shark_core.traffic.validation import refused_for_fields

LABELS_SCHEMA = pa.schema([pa.field("label", pa.int8())])  # null: the record does not count
NO_LABEL = -1


@dataclass(frozen=True, eq=False)
class JudgeTask:
    """`judges`: fields in whose tables a record must have rows; `quarantined`: the positions in the
    file of records that the day refused, those of the split.
    """

    lake: Lake
    label_column: str
    judges: tuple[Field, ...]
    split: Split
    quarantined: np.ndarray
    labels: AttemptFiles

    @property
    def size(self) -> float:
        return self.split.rows

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys([self.label_column, *(field.column for field in self.judges)]))


@dataclass(frozen=True)
class JudgedSplit:
    """`examples` were taken by the day, `unfit` of them for the judges; `labels`: a file's path."""

    split: Split
    labels: str
    examples: int
    positives: int
    unfit: int

    @property
    def rows(self) -> int:
        return self.split.rows


def judge_split(task: JudgeTask) -> JudgedSplit:
    """Raises `DataError` for a record that the day took though its label is neither 0 nor 1."""
    seen: Counter[str] = Counter()
    name = f"labels-{task.split.number:05d}.parquet"
    batches = _judged(task, seen)
    entry = task.labels.write_batches(name, LABELS_SCHEMA, batches, compression="zstd")
    return JudgedSplit(
        task.split, entry.path, seen["examples"], seen["positives"], unfit=seen["unfit"]
    )


def read_labels(lake: Lake, judged: JudgedSplit) -> np.ndarray:
    """`(rows,)` int8: 0, 1, or `NO_LABEL` for a record that does not count."""
    labels = lake.read_parquet(judged.labels)["label"].fill_null(NO_LABEL)
    return labels.to_numpy()


def _judged(task: JudgeTask, seen: Counter[str]) -> Iterator[pa.RecordBatch]:
    for first_row, batch in read_split(task.lake, task.split, task.columns):
        taken = _was_taken(task.quarantined, first_row, batch.num_rows)
        labels = _labels(task, batch, taken)
        unfit = taken & refused_for_fields(batch, task.judges)
        seen["examples"] += int(np.count_nonzero(taken))
        seen["positives"] += int(np.count_nonzero(labels))
        seen["unfit"] += int(np.count_nonzero(unfit))
        counting = pa.array(labels, mask=~taken | unfit)
        yield pa.record_batch([counting], schema=LABELS_SCHEMA)


def _was_taken(quarantined: np.ndarray, first_row: int, rows: int) -> np.ndarray:
    """`(rows,)` bool: which records of a batch became examples."""
    taken = np.ones(rows, dtype=bool)
    first, last = np.searchsorted(quarantined, [first_row, first_row + rows])
    taken[quarantined[first:last] - first_row] = False
    return taken


def _labels(task: JudgeTask, batch: pa.RecordBatch, taken: np.ndarray) -> np.ndarray:
    """`(B,)` int8, 0 for records that were not taken."""
    values = as_floats(plain(batch.column(task.label_column)), fill=np.nan)
    values = np.where(taken, values, 0.0)
    if not np.isin(values, (0.0, 1.0)).all():
        raise DataError(
            "records that the day took as examples have no label",
            expected=f"0 or 1 in column {task.label_column!r} (config key label.column)",
            found=f"{np.setdiff1d(values, (0.0, 1.0))[0]:g} in at least one of them",
            where=task.lake.location(task.split.path),
            remedy="give the label's column of that day, or run `python -m jobs ingest` for it",
        )
    return values.astype(np.int8)
