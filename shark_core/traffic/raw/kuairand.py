"""KuaiRand (Kuaishou short videos): the log, joined with user and video features.

    log_*.parquet ── user_id ──► user_features.parquet
                 └── video_id ─► video_features_basic.parquet

All columns keep the publisher's names, outcomes of the impression (`is_like`, `play_time_ms`, …)
included: they are possible labels, and leak when they are read as features. Doubles, which stand
for integers with nulls, become int64, so that they can be fields.

**Days.** `date` is the publisher's day in China (UTC+8) and becomes the partition. `time_ms` counts
milliseconds since the epoch in UTC, hence `event_time = time_ms + 8 h`: China's wall clock, written
as UTC. `date` is the day on which the impression was logged; about one in a hundred was served up
to two hours earlier, before midnight. Those get midnight, the first instant of their `date`:

    time_ms + 8 h     04-24 23:05   04-25 00:10   04-25 23:52
    date              04-25         04-25         04-25
    event_time        04-25 00:00   04-25 00:10   04-25 23:52      all in ds=2022-04-25
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shark_core.errors import DataError
from shark_core.schemas import EVENT_TIME
from shark_core.traffic.raw.source import RawTraffic

LOG_GLOB = "log_*.parquet"
FEATURE_FILES = {
    "user_id": "user_features.parquet",
    "video_id": "video_features_basic.parquet",
}
LOG_COLUMNS = ("user_id", "video_id", "date", "time_ms")
BATCH_ROWS = 131_072
HOUR = 3_600_000_000  # in microseconds
CHINA = 8 * HOUR
LATEST_LOGGING = 6 * HOUR


def open_kuairand(source: Path) -> RawTraffic:
    """`source`: the folder with the three kinds of files. Read as a whole (1.4 M rows at most)."""
    logs = sorted(source.glob(LOG_GLOB))
    features = {key: source / name for key, name in FEATURE_FILES.items()}
    log = pa.concat_tables(_read(path, LOG_COLUMNS) for path in logs or [source / LOG_GLOB])
    traffic = log
    for key, path in features.items():
        traffic = _join(traffic, _read(path, (key,)), key, path)
    traffic = _with_event_time(traffic, source)
    return RawTraffic(
        schema=traffic.schema,
        rows=log.num_rows,
        inputs={path.name: _sha256(path) for path in (*logs, *features.values())},
        batches=_by_day(traffic),
    )


def _read(path: Path, required: tuple[str, ...]) -> pa.Table:
    """A file with doubles as int64 and one kind of string."""
    try:
        table = pq.read_table(path, partitioning=None)
        fields = [field.with_type(_traffic_type(field.type)) for field in table.schema]
        table = table.cast(pa.schema(fields))
    except (OSError, pa.ArrowInvalid) as error:
        raise _refusal(path, "a Parquet file of KuaiRand, doubles with whole numbers", error) from (
            error
        )
    if missing := sorted(set(required) - set(table.column_names)):
        raise _refusal(path, f"columns {list(required)}", f"no {missing}")
    return table


def _traffic_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_floating(kind):
        return pa.int64()
    return pa.string() if pa.types.is_large_string(kind) else kind


def _join(log: pa.Table, features: pa.Table, key: str, path: Path) -> pa.Table:
    """Left join in the log's order; an id without features gets nulls."""
    if pc.count_distinct(features[key]).as_py() != features.num_rows:
        raise _refusal(path, f"each {key} once", "repeated ids")
    place = pc.index_in(log[key], features[key].combine_chunks())
    for name in features.column_names:
        if name != key:
            log = log.append_column(name, features[name].take(place))
    return log


def _with_event_time(traffic: pa.Table, source: Path) -> pa.Table:
    dates, which = np.unique(traffic["date"].to_numpy(), return_inverse=True)
    days = [_midnight(value, source) for value in dates.tolist()]
    midnight = np.array(days, "datetime64[us]").astype(np.int64)[which]  # (rows,)
    wall_clock = traffic["time_ms"].to_numpy() * 1000 + CHINA  # (rows,)
    strange = (wall_clock < midnight - LATEST_LOGGING) | (wall_clock >= midnight + 24 * HOUR)
    if strange.any():
        found = traffic.slice(int(np.argmax(strange)), 1).select(LOG_COLUMNS).to_pylist()[0]
        raise _refusal(source, "time_ms on the day that date names, in China", found)
    event_time = np.maximum(wall_clock, midnight)  # (rows,)
    order = np.lexsort((event_time, midnight))  # stable: ties keep the log's order
    timed = traffic.append_column("event_time", pa.array(event_time).cast(EVENT_TIME))
    return timed.take(pa.array(order))


def _midnight(value: int, source: Path) -> datetime:
    try:
        return datetime.strptime(str(value), "%Y%m%d")  # noqa: DTZ007 - numpy wants it naive
    except ValueError as error:
        raise _refusal(source, "date as YYYYMMDD", value) from error


def _by_day(traffic: pa.Table) -> Iterator[tuple[date, pa.RecordBatch]]:
    dates = traffic["date"].to_numpy()  # (rows,), ascending
    for value in np.unique(dates).tolist():
        first, end = np.searchsorted(dates, [value, value + 1]).tolist()
        rows = traffic.slice(first, end - first).combine_chunks()
        for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
            yield date.fromisoformat(str(value)), batch


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refusal(path: Path, expected: str, found: object) -> DataError:
    return DataError(
        "KuaiRand's files are not as published",
        expected=expected,
        found=found,
        where=path,
        remedy=f"point --source at a folder with {LOG_GLOB} and {list(FEATURE_FILES.values())}",
    )
