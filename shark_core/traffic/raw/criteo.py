"""Criteo's display-ads log (Kaggle 2014, and the daily files of the terabyte log).

One impression a line, tab-separated, no header: the label, 13 integers, 26 hashed categories.

    0 \\t 1 \\t 1 \\t … \\t 68fd1e64 \\t 80e26c9b \\t …   →   label, i1 … i13, c1 … c26

The log has no time. Rows are dealt to days in file order, in runs of (nearly) equal length, and
get event times spread evenly over their day:

    rows    0 … n/D-1     day 1, 00:00:00 … 23:59:59
            n/D … 2n/D-1  day 2, …
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from shark_core.errors import ConfigError, DataError
from shark_core.schemas import EVENT_TIME
from shark_core.traffic.event_times import spread_over_day
from shark_core.traffic.raw.delimited import Delimited
from shark_core.traffic.raw.source import DealtDays, RawTraffic, find_source, scan_text

SUFFIXES = (".tsv", ".txt", ".tsv.gz", ".txt.gz")

RAW_SCHEMA = pa.schema(
    [
        ("label", pa.int64()),
        *((f"i{number}", pa.int64()) for number in range(1, 14)),
        *((f"c{number}", pa.string()) for number in range(1, 27)),
    ]
)
SCHEMA = RAW_SCHEMA.append(pa.field("event_time", EVENT_TIME))
LINES = Delimited(RAW_SCHEMA, delimiter="\t", required="label")


def open_criteo(source: Path, dealt: DealtDays) -> RawTraffic:
    """`source`: the file (plain or .gz), or the folder that holds it alone."""
    file = scan_text(find_source(source, SUFFIXES))
    if file.lines < dealt.days:
        raise ConfigError(
            "more days than rows",
            expected=f"--days of at most {file.lines}, the number of lines",
            found=dealt.days,
            where=file.path,
            remedy="deal the rows to fewer days",
        )
    return RawTraffic(
        schema=SCHEMA,
        rows=file.lines,
        inputs={file.path.name: file.sha256},
        batches=_deal(LINES.batches(file.path), file.lines, dealt),
    )


def _deal(
    batches: Iterator[pa.RecordBatch], rows: int, dealt: DealtDays
) -> Iterator[tuple[date, pa.RecordBatch]]:
    firsts = [number * rows // dealt.days for number in range(dealt.days + 1)]  # (days + 1,)
    position, number = 0, 0
    for batch in batches:
        offset = 0
        while offset < batch.num_rows:
            if position == rows:
                raise _more_rows_than_lines(rows)
            piece = batch.slice(offset, firsts[number + 1] - position)
            day = dealt.start + timedelta(days=number)
            total = firsts[number + 1] - firsts[number]
            yield day, _timed(piece, day, position - firsts[number], total)
            offset += piece.num_rows
            position += piece.num_rows
            number += position == firsts[number + 1]


def _more_rows_than_lines(lines: int) -> DataError:
    return DataError(
        "the log has more rows than lines",
        expected=f"{lines} rows, each ended by \\n or \\r\\n",
        found="lines ended by \\r alone",
        where="--source",
        remedy="convert the line ends",
    )


def _timed(batch: pa.RecordBatch, day: date, first: int, total: int) -> pa.RecordBatch:
    event_time = spread_over_day(day, first, batch.num_rows, total)
    return pa.RecordBatch.from_arrays([*batch.columns, event_time], schema=SCHEMA)
