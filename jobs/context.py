"""What every job of a day gets, and what it gives back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.interval import Interval
from shark_core.lake import Lake, Marker, Partition, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import CHECKPOINT, EXAMPLES, ROW_PRIORITY, Dataset
from shark_core.traffic.slices import Slice
from shark_core.version import code_version

COMMITS_AT_ONCE = 16
NAMED = 3  # of many days or fields, in a message

log = logging.getLogger("shark")


@dataclass(frozen=True)
class DayContext:
    """One day of one model's pipeline, on the lake or on a branch of it."""

    config: PipelineConfig
    day: date
    run_id: str
    branch: str = ""

    @property
    def lake(self) -> Lake:
        return Lake(self.config.lake, self.branch)

    @property
    def interval(self) -> Interval:
        return Interval.of_day(self.day)

    def signed(self, verb: str) -> str:
        """Who did it, for logs that people read."""
        return f"{verb}, run {self.run_id}" if self.run_id else verb

    def partition(self, dataset: Dataset, **keys: str) -> Partition:
        return partition(dataset, self.day, **keys)

    def marker(self, dataset: Dataset, **keys: str) -> Marker:
        return self.lake.marker(self.partition(dataset, **keys))

    def writer(self, dataset: Dataset, **keys: str) -> PartitionWriter:
        stamp = RunStamp(self.config.config_hash, code_version())
        return PartitionWriter(self.lake, self.partition(dataset, **keys), stamp)


@dataclass(frozen=True)
class JobResult:
    """What a job prints: `figures` as a table for people, as one JSON object for programs."""

    headline: str
    figures: dict[str, Any] = field(default_factory=dict)


def commit_together(
    partitions: Iterable[tuple[PartitionWriter, dict[str, str], dict[str, Any]]],
) -> list[Marker]:
    """Commit (writer, inputs, facts) each: waiting for S3 four times a partition, for all at once.

    Every commit is tried; the first error in their order comes out.
    """
    with ThreadPoolExecutor(COMMITS_AT_ONCE) as pool:
        commits = [
            pool.submit(writer.commit, inputs, facts) for writer, inputs, facts in partitions
        ]
    return [commit.result() for commit in commits]


def examples_read(context: DayContext, wanted: Slice) -> dict[str, str]:
    """Partition → fingerprint of the examples that a slice is made of: inputs for a marker."""
    partitions = [partition(EXAMPLES, part.day) for part in wanted.parts]
    return {source.path: context.lake.marker(source).fingerprint for source in partitions}


def priorities_read(context: DayContext, fields: Iterable[str]) -> dict[str, str]:
    """Partition → fingerprint of the day's priorities of these fields: inputs for a marker."""
    return {
        f"row_priority/{name}": context.marker(ROW_PRIORITY, field=name).fingerprint
        for name in fields
    }


def check_same_baseline(context: DayContext, *datasets: Dataset) -> None:
    """Raises `DataError` where a partition was made from another checkpoint than the day's."""
    baseline = context.marker(CHECKPOINT, stage="baseline").fingerprint
    for dataset in datasets:
        found = context.marker(dataset).inputs.get("checkpoint")
        if found != baseline:
            raise DataError(
                f"{dataset.name} was made from another checkpoint than the day's baseline",
                expected=f"checkpoint {baseline}",
                found=f"checkpoint {found}",
                where=context.lake.location(context.partition(dataset).path),
                remedy=f"run `python -m jobs {dataset.job}` and what follows it for this day again",
            )


def some_of(things: Sequence[object]) -> str:
    """The first few by name, and how many more there are."""
    more = len(things) - NAMED
    return ", ".join(map(str, things[:NAMED])) + (f" and {more:,} more" if more > 0 else "")


DayJob = Callable[[DayContext], JobResult]
