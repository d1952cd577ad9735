"""Which examples of which days a job reads: training, validation and test slices.

    day D−1:  … head ………… cut(D−1) ▒▒ held out ▒▒│
    day D:                                        │head ………………………… cut(D) ▒▒ held out ▒▒│
                           └── training slice, warm start ───────────┘ validation: even rows
                                                  └─ cold start ─────┘ test: odd rows

A day's held-out tail is never trained on that day; the next day trains on it before its own head,
so every example is trained on once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shark_core.config import PipelineConfig
from shark_core.errors import ConfigError, DataError
from shark_core.lake import Lake, Marker, partition
from shark_core.schemas import CHECKPOINT, EXAMPLES, examples_schema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
Positions = Literal["all", "even", "odd"]


@dataclass(frozen=True)
class SlicePart:
    """Examples of one day with event_time in `[start, end)`; None leaves that side open.

    `positions` keeps every second one of them, counted in the order of reading.
    """

    day: date
    start: datetime | None = None
    end: datetime | None = None
    positions: Positions = "all"

    def mask(self, event_times: np.ndarray, position: int) -> tuple[np.ndarray, int]:
        """Which of a run of rows belong to the part: `(N,)` bool, and the next position.

        `event_times` are microseconds since 1970 `(N,)`; `position` counts the rows of the interval
        that earlier runs held.
        """
        inside = np.ones(len(event_times), dtype=bool)
        if self.start is not None:
            inside &= event_times >= microseconds(self.start)
        if self.end is not None:
            inside &= event_times < microseconds(self.end)
        following = position + int(inside.sum())
        if self.positions != "all":
            parity = ("even", "odd").index(self.positions)
            inside[inside] = np.arange(position, following) % 2 == parity
        return inside, following


@dataclass(frozen=True)
class Slice:
    """Parts in the order in which they are read. `name` stands in messages."""

    name: str
    parts: tuple[SlicePart, ...]


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def holdout_cut(lake: Lake, config: PipelineConfig, day: date) -> datetime:
    """The event_time from which the day's examples are held out: its exact quantile.

    Of n examples the `floor((1 − holdout_share)·n)`-th (from 0) by time is the first held out; ties
    with it are held out too. Raises `DataError` for a day without examples.
    """
    marker = lake.marker(partition(EXAMPLES, day))
    times = _event_times(lake, marker)
    if len(times) == 0:
        raise _empty(lake, day)
    index = min(int((1.0 - config.training.holdout_share) * len(times)), len(times) - 1)
    return EPOCH + int(np.partition(times, index)[index]) * MICROSECOND


def training_slice(lake: Lake, config: PipelineConfig, day: date) -> Slice:
    """The day's head; before it the held-out tail of D−1 where D−1 has a baseline checkpoint, and
    its examples have all columns: of a field that the config has since then, they have none.
    """
    head = SlicePart(day, end=holdout_cut(lake, config, day))
    before = day - timedelta(days=1)
    trained = baseline_before(lake, day)
    if trained is None or lacking_columns(lake, config, before):
        return Slice("training", (head,))
    tail = SlicePart(before, start=datetime.fromisoformat(trained.facts["cut"]))
    return Slice("training", (tail, head))


def baseline_before(lake: Lake, day: date) -> Marker | None:
    """Of D−1's baseline checkpoint; None where there is none."""
    return lake.find_marker(partition(CHECKPOINT, day - timedelta(days=1), stage="baseline"))


def lacking_columns(lake: Lake, config: PipelineConfig, day: date) -> tuple[str, ...]:
    """What the config reads, and the day's examples do not have."""
    files = lake.marker(partition(EXAMPLES, day)).files
    if not files:
        return ()
    found = lake.read_schema(files[0].path)
    return tuple(name for name in examples_schema(config).names if name not in found.names)


def window_slice(lake: Lake, config: PipelineConfig, since: date, day: date) -> Slice:
    """All examples of the days from `since` on, and the head of `day`.

    Raises `DataError` for a day in between without examples, `ConfigError` where `since` is later.
    """
    if since > day:
        raise ConfigError(
            "a training window ends before it begins",
            expected=f"a day up to {day}",
            found=str(since),
            where="--since",
            remedy="name an earlier day for --since",
        )
    days = [since + timedelta(days=each) for each in range((day - since).days)]
    for each in days:
        lake.marker(partition(EXAMPLES, each))
    head = SlicePart(day, end=holdout_cut(lake, config, day))
    return Slice("training", (*map(SlicePart, days), head))


def validation_slice(lake: Lake, config: PipelineConfig, day: date) -> Slice:
    """Even positions of the day's held-out examples: early stopping, importance."""
    part = SlicePart(day, start=holdout_cut(lake, config, day), positions="even")
    return Slice("validation", (part,))


def held_out_test_slice(lake: Lake, config: PipelineConfig, day: date) -> Slice:
    """Odd positions of the day's held-out examples: evaluation and its gates only."""
    part = SlicePart(day, start=holdout_cut(lake, config, day), positions="odd")
    return Slice("test", (part,))


def _event_times(lake: Lake, marker: Marker) -> np.ndarray:
    """Microseconds since 1970 of all examples `(N,)` int64."""
    tables = [lake.read_parquet(entry.path, ["event_time"]) for entry in marker.files]
    parts = [event_microseconds(table["event_time"]) for table in tables]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def event_microseconds(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return pc.cast(column, pa.int64()).to_numpy()


def _empty(lake: Lake, day: date) -> DataError:
    return DataError(
        "a day has no examples",
        expected="at least one example",
        found="none",
        where=lake.location(partition(EXAMPLES, day).path),
        remedy="check the day's traffic and its quarantine, then run `python -m jobs ingest` again",
    )
