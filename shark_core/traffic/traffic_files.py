"""A day's traffic: its files, what each is, and how the work on them is split.

    traffic/ds=2022-04-25/part-0.parquet   row groups of 100k, 100k, 100k, 40k rows
        split 0   row groups 0, 1          one Spark task, one examples file
        split 1   row groups 2, 3

With a marker only its files count. Users may also put Parquet files there themselves, without one;
names that begin with "_" or "." are left aside, as Spark and Hive do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, logical_path, partition
from shark_core.schemas import TRAFFIC
from shark_core.traffic.columns import check_columns, without_views

BATCH_ROWS = 65_536
SPLIT_ROWS = 4 * BATCH_ROWS
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class TrafficFile:
    """A readable file that fits the config: rows of each row group, checksum of its content."""

    path: str
    row_groups: tuple[int, ...]
    sha256: str


@dataclass(frozen=True)
class Split:
    """Some `row_groups` of one file, `rows` together. `number` orders the examples files."""

    number: int
    path: str
    row_groups: tuple[int, ...]
    first_row: int
    rows: int


def traffic_paths(lake: Lake, day: date) -> list[str]:
    """The day's files in the order of their names. Raises `DataError` where there is none."""
    target = partition(TRAFFIC, day)
    paths = sorted(_sizes(lake, day))
    if not paths:
        raise empty_day(lake, day, "no file")
    if others := [path for path in paths if not path.endswith(".parquet")]:
        raise DataError(
            f"{len(others)} file(s) of the day's traffic are not read as Parquet",
            expected="names that end with .parquet, or begin with _ or . to be left aside",
            found=", ".join(others[:5]),
            where=lake.location(target.path),
            remedy="rename them, or move them out of the folder",
        )
    return paths


def traffic_bytes(lake: Lake, day: date) -> int:
    """The bytes of the day's files as they are now; 0 where there is none."""
    return sum(_sizes(lake, day).values())


def empty_day(lake: Lake, day: date, found: str) -> DataError:
    return DataError(
        "the day has no traffic",
        expected="Parquet files with at least one record",
        found=found,
        where=lake.location(partition(TRAFFIC, day).path),
        remedy="write the day's traffic there (by prepare, generate or your own job), then ingest",
    )


def _sizes(lake: Lake, day: date) -> dict[str, int]:
    """The bytes of each of the day's files, by its path."""
    target = partition(TRAFFIC, day)
    marker = lake.find_marker(target)
    if marker is None:
        return _listed(lake, target.path)
    return {file.path: file.bytes for file in marker.files}


def _listed(lake: Lake, folder: str) -> dict[str, int]:
    base = lake.absolute(folder)
    selector = pafs.FileSelector(base, recursive=True, allow_not_found=True)
    with lake.reading(folder):
        infos = lake.filesystem.get_file_info(selector)
    files = [info for info in infos if info.type == pafs.FileType.File]
    sizes = {info.path[len(base) + 1 :]: info.size for info in files}
    return {
        f"{folder}/{name}": size
        for name, size in sizes.items()
        if not any(part.startswith(("_", ".")) for part in name.split("/"))
    }


def inspect_file(lake: Lake, config: PipelineConfig, path: str) -> TrafficFile:
    """Check footer and columns, and read it all. Raises `DataError` with the file's name."""
    with _parquet_file(lake, path) as file:
        check_columns(file.schema_arrow, config, lake.location(path))
        metadata = file.metadata
        rows = tuple(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
    return TrafficFile(path, rows, checksum(lake, path))


def read_schema(lake: Lake, path: str) -> pa.Schema:
    with _parquet_file(lake, path) as file:
        return file.schema_arrow


class Checksummed(Protocol):
    @property
    def path(self) -> str: ...

    @property
    def sha256(self) -> str: ...


def fingerprint(files: Sequence[Checksummed]) -> str:
    """16 hex digits over the names and the content of the files: what examples are made from.

    Names count, without those of attempts: records are known by file and place.
    """
    content = "\n".join(f"{logical_path(file.path)} {file.sha256}" for file in files)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def plan_splits(files: Sequence[TrafficFile], split_rows: int = SPLIT_ROWS) -> list[Split]:
    """Runs of whole row groups of up to `split_rows` rows, or of one larger row group."""
    splits: list[Split] = []
    for file in files:
        first_row = 0
        for groups in _runs(file.row_groups, split_rows):
            rows = sum(file.row_groups[group] for group in groups)
            splits.append(Split(len(splits), file.path, groups, first_row, rows))
            first_row += rows
    return splits


def _runs(row_groups: Sequence[int], split_rows: int) -> Iterator[tuple[int, ...]]:
    run: list[int] = []
    rows = 0
    for group, group_rows in enumerate(row_groups):
        if run and rows + group_rows > split_rows:
            yield tuple(run)
            run, rows = [], 0
        run.append(group)
        rows += group_rows
    if rows:
        yield tuple(run)


def read_split(
    lake: Lake, split: Split, columns: list[str]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches of up to `BATCH_ROWS` records, each with the position of its first in the file."""
    row = split.first_row
    with _parquet_file(lake, split.path) as file:
        groups = list(split.row_groups)
        for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=columns):
            yield row, without_views(batch.select(columns))
            row += batch.num_rows


@contextmanager
def _parquet_file(lake: Lake, path: str) -> Iterator[pq.ParquetFile]:
    """Arrow raises `OSError` for damaged content too: reading the bytes tells the two apart."""
    try:
        with lake.filesystem.open_input_file(lake.absolute(path)) as source:
            yield pq.ParquetFile(source, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        checksum(lake, path)  # raises for storage that fails
        raise DataError(
            "a traffic file is damaged",
            expected="a complete Parquet file",
            found=error,
            where=lake.location(path),
            remedy="write the file again, or remove it if its records are in another one",
        ) from error


def checksum(lake: Lake, path: str) -> str:
    """sha256 of a file. Raises `RetryableError` or, for a file that is gone, `DataError`."""
    digest = hashlib.sha256()
    with lake.reading(path), lake.filesystem.open_input_stream(lake.absolute(path)) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
