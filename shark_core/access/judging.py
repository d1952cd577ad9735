"""With which labels the records of a past day's traffic count for the fields.

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

from shark_core.access.past_splits import PastSplit
from shark_core.lake import Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.traffic.traffic_files import Split

LABELS_SCHEMA = pa.schema([pa.field("label", pa.int8())])  # null: the record does not count
NO_LABEL = -1


@dataclass(frozen=True)
class JudgeTask:
    """Judge a split, and keep the labels in `labels`."""

    split: PastSplit
    labels: AttemptFiles

    @property
    def size(self) -> float:
        return self.split.rows


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
    split = task.split.split
    name = f"labels-{split.number:05d}.parquet"
    batches = _judged(task, seen)
    entry = task.labels.write_batches(name, LABELS_SCHEMA, batches, compression="zstd")
    return JudgedSplit(split, entry.path, seen["examples"], seen["positives"], seen["unfit"])


def read_labels(lake: Lake, judged: JudgedSplit) -> np.ndarray:
    """`(rows,)` int8: 0, 1, or `NO_LABEL` for a record that does not count."""
    labels = lake.read_parquet(judged.labels)["label"].fill_null(NO_LABEL)
    return labels.to_numpy()


def _judged(task: JudgeTask, seen: Counter[str]) -> Iterator[pa.RecordBatch]:
    for _, found in task.split.judged():
        seen["examples"] += int(np.count_nonzero(found.taken))
        seen["positives"] += int(np.count_nonzero(found.labels))
        seen["unfit"] += int(np.count_nonzero(found.unfit))
        yield pa.record_batch([pa.array(found.labels, mask=~found.counts)], schema=LABELS_SCHEMA)
