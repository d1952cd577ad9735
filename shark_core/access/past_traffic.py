"""The traffic of past days, looked at before anything is read in it.

    2026-01-01   part-0   columns, checksum ─┐ is this what the day's examples were made from?
                 part-1   columns, checksum ─┘ which fields can tell that a record is unfit?

The checksums take reading every byte, as ingest did. Nothing less would do: sizes, footers and even
the number of positives stay the same where records change places, and then the quarantine, which
names records by their place, leaves out others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import pyarrow as pa
from pyspark import SparkContext

from shark_core.access.past_days import PastDay
from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.schemas import TRAFFIC
from shark_core.spark.batches import run_in_batches
from shark_core.traffic.columns import check_columns
from shark_core.traffic.traffic_files import (
    TrafficFile,
    fingerprint,
    inspect_file,
    read_schema,
    traffic_paths,
)


@dataclass(frozen=True)
class PastTraffic:
    """The files of a day; `judges`: the fields that refuse records without a row in their table.

    Those are the identity fields that the day's examples lack and whose column every file has. A
    field of which the day had no such column never refused a record of it.
    """

    files: tuple[TrafficFile, ...]
    judges: tuple[Field, ...]


@dataclass(frozen=True)
class InspectTask:
    """`fields` are to be read in the file; `others` may judge its records."""

    path: str
    fields: tuple[Field, ...]
    others: tuple[Field, ...]
    size: float = 1.0


@dataclass(frozen=True)
class InspectedFile:
    file: TrafficFile
    silent: frozenset[str]  # names of `others` that cannot be read in it


def inspect_traffic(
    spark: SparkContext, lake: Lake, config: PipelineConfig, missing: Sequence[PastDay]
) -> list[PastTraffic]:
    """Raises `DataError` where a file lacks a field's column, or the day has other traffic now."""
    days = [_inspect_tasks(lake, each) for each in missing]
    tasks = [task for day in days for task in day]
    found = run_in_batches(spark, tasks, partial(_inspect, lake, config), "inspect", "files")
    inspected = [list(islice(found, len(day))) for day in days]
    for each, files in zip(missing, inspected, strict=True):
        content = fingerprint([inspected.file for inspected in files])
        check_same_traffic(lake, each, "content", each.inputs["traffic"], content)
    return [_past_traffic(each, files) for each, files in zip(missing, inspected, strict=True)]


def _inspect_tasks(lake: Lake, missing: PastDay) -> list[InspectTask]:
    asked = {field.name for field in missing.fields}
    others = tuple(
        field
        for field in missing.absent
        if field.encoding == "identity" and field.name not in asked
    )
    return [InspectTask(path, missing.fields, others) for path in traffic_paths(lake, missing.day)]


def _inspect(lake: Lake, config: PipelineConfig, task: InspectTask) -> InspectedFile:
    file = inspect_file(lake, _only(config, *task.fields), task.path)
    return InspectedFile(file, _silent(lake, config, task) if task.others else frozenset())


def _silent(lake: Lake, config: PipelineConfig, task: InspectTask) -> frozenset[str]:
    schema = read_schema(lake, task.path)
    return frozenset(
        field.name for field in task.others if not _fits(schema, _only(config, field), task.path)
    )


def _fits(schema: pa.Schema, config: PipelineConfig, path: str) -> bool:
    try:
        check_columns(schema, config, path)
    except DataError:
        return False
    return True


def _only(config: PipelineConfig, *fields: Field) -> PipelineConfig:
    return config.model_copy(update={"fields": fields, "dense_features": ()})


def _past_traffic(missing: PastDay, inspected: Sequence[InspectedFile]) -> PastTraffic:
    silent = frozenset[str]().union(*(file.silent for file in inspected))
    judges = tuple(
        field
        for field in missing.absent
        if field.encoding == "identity" and field.name not in silent
    )
    return PastTraffic(tuple(each.file for each in inspected), judges)


def check_same_traffic(
    lake: Lake, missing: PastDay, what: str, expected: object, found: object
) -> None:
    """Raises `DataError` where what is found of a day's traffic is not what ingest noted."""
    if expected != found:
        raise DataError(
            f"the traffic of {missing.day} is not what the day's examples were made from",
            expected=f"{expected} ({what}), as when the day was ingested",
            found=found,
            where=lake.location(partition(TRAFFIC, missing.day).path),
            remedy="restore the day's traffic, or run `python -m jobs ingest` for it again",
        )
