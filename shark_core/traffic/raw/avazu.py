"""Avazu's mobile-ads log (Kaggle 2014): CSV with a header, plain or .gz.

    id,click,hour,C1,banner_pos,site_id,…         hour = YYMMDDHH, taken as UTC
    1000009418151094273,0,14102100,1005,0,1fbe01fe,…

`event_time` is the start of the impression's hour, the finest time that the log has. All columns
keep the publisher's names; `id` becomes a string, since it passes the range of a signed integer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shark_core.errors import DataError
from shark_core.schemas import EVENT_TIME
from shark_core.traffic.raw.delimited import Delimited
from shark_core.traffic.raw.source import RawTraffic, find_source, scan_text

SUFFIXES = (".csv", ".csv.gz")
RAW_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        *((name, pa.int64()) for name in ("click", "hour", "C1", "banner_pos")),
        *((f"site_{name}", pa.string()) for name in ("id", "domain", "category")),
        *((f"app_{name}", pa.string()) for name in ("id", "domain", "category")),
        *((f"device_{name}", pa.string()) for name in ("id", "ip", "model")),
        *((f"device_{name}", pa.int64()) for name in ("type", "conn_type")),
        *((f"C{number}", pa.int64()) for number in range(14, 22)),
    ]
)
SCHEMA = RAW_SCHEMA.append(pa.field("event_time", EVENT_TIME))
LINES = Delimited(RAW_SCHEMA, delimiter=",", required="click", header_lines=1)


def open_avazu(source: Path) -> RawTraffic:
    """`source`: the file, or the folder that holds it alone. Rows must lie in order of days."""
    file = scan_text(find_source(source, SUFFIXES))
    _check_header(file.path)
    return RawTraffic(
        schema=SCHEMA,
        rows=file.lines - 1,
        inputs={file.path.name: file.sha256},
        batches=_by_day(LINES.batches(file.path), file.path),
    )


def _check_header(path: Path) -> None:
    with pa.input_stream(path) as stream:
        found = stream.read(1 << 12).decode(errors="replace").split("\n", 1)[0].strip().split(",")
    if found != RAW_SCHEMA.names:
        raise DataError(
            "the header is not Avazu's",
            expected=",".join(RAW_SCHEMA.names),
            found=",".join(found),
            where=f"{path}, line 1",
            remedy="use the labelled file, train.csv or train.gz (named .csv.gz)",
        )


def _by_day(batches: Iterator[pa.RecordBatch], path: Path) -> Iterator[tuple[date, pa.RecordBatch]]:
    for batch in batches:
        times = [_start_of(hour, path) for hour in batch["hour"].unique().to_pylist()]
        index = pc.index_in(batch["hour"], batch["hour"].unique())
        event_time = pa.array(times, EVENT_TIME).take(index)
        timed = pa.RecordBatch.from_arrays([*batch.columns, event_time], schema=SCHEMA)
        days = pc.divide(batch["hour"], 100).to_numpy()  # (rows,)
        cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), batch.num_rows]
        for first, end in pairwise(cuts):
            yield times[index[first].as_py()].date(), timed.slice(first, end - first)


def _start_of(hour: int | None, path: Path) -> datetime:
    try:
        return datetime.strptime(f"{hour:08d}", "%y%m%d%H").replace(tzinfo=UTC)
    except (TypeError, ValueError) as error:
        raise DataError(
            "not an hour",
            expected="YYMMDDHH, such as 14102100",
            found=hour,
            where=f"{path}, column 'hour'",
            remedy="correct the rows with that value, or download the file again",
        ) from error
