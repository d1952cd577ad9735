"""Raw files of a public log → `traffic/ds=…`, every row exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from jobs.context import JobResult
from shark_core.errors import ConfigError, DataError
from shark_core.interval import parse_day
from shark_core.lake import Lake, Marker, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import TRAFFIC
from shark_core.traffic.parts import write_parts
from shark_core.traffic.raw.formats import open_raw
from shark_core.traffic.raw.source import DealtDays, RawTraffic
from shark_core.version import code_version


def dealt_days(start_day: str, days: int | None) -> DealtDays | None:
    """The days of `--start-day` and `--days`, or None where neither is given."""
    if not start_day and days is None:
        return None
    if not start_day or days is None:
        raise ConfigError(
            "--start-day and --days go together",
            expected="both or neither",
            found=f"--start-day {start_day or 'missing'}, --days {days or 'missing'}",
            remedy="give both for a log without times, neither for one with times",
        )
    return DealtDays(parse_day(start_day, "--start-day"), days)


def prepare(raw_format: str, source: Path, lake: Lake, dealt: DealtDays | None = None) -> JobResult:
    """Write one traffic partition a day; all of them are committed together, at the end."""
    raw = open_raw(raw_format, source, dealt)
    arguments = hashlib.sha256(f"{raw_format} {dealt}".encode()).hexdigest()[:16]
    with ExitStack() as stack:
        writers = _write_days(raw, lake, RunStamp(arguments, code_version()), stack)
        facts = {"raw_format": raw_format}
        markers = {day: writers[day].commit(raw.inputs, facts) for day in sorted(writers)}
    return _result(raw_format, lake, markers)


def _write_days(
    raw: RawTraffic, lake: Lake, run: RunStamp, stack: ExitStack
) -> dict[date, PartitionWriter]:
    rows = 0
    writers: dict[date, PartitionWriter] = {}
    progress = stack.enter_context(tqdm(total=raw.rows, unit=" rows", disable=None))
    for day, dated in groupby(raw.batches, key=itemgetter(0)):
        if day in writers:
            raise _refusal("rows in order of days", f"{day} again after {max(writers)}")
        progress.set_description(f"traffic of {day}")
        writers[day] = stack.enter_context(PartitionWriter(lake, partition(TRAFFIC, day), run))
        rows += write_parts(writers[day], raw.schema, _shown(dated, progress))
    if rows != raw.rows:
        raise _refusal(f"{raw.rows} rows, as counted before", f"{rows} rows")
    return writers


def _shown(
    dated: Iterator[tuple[date, pa.RecordBatch]], progress: tqdm
) -> Iterator[pa.RecordBatch]:
    for _, batch in dated:
        progress.update(batch.num_rows)
        yield batch


def _refusal(expected: str, found: str) -> DataError:
    return DataError(
        "the raw log cannot be split into days without loss",
        expected=expected,
        found=found,
        where="--source",
        remedy="sort the log by time and check that it is complete; nothing was written",
    )


def _result(raw_format: str, lake: Lake, markers: dict[date, Marker]) -> JobResult:
    rows = sum(marker.rows for marker in markers.values())
    return JobResult(
        f"{rows:,} impressions of {raw_format}, {len(markers)} days → {lake.location('traffic')}",
        {
            "rows": rows,
            "bytes": sum(marker.bytes for marker in markers.values()),
            "days": {str(day): marker.rows for day, marker in markers.items()},
        },
    )
