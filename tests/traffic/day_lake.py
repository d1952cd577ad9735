"""A small pipeline config with every kind of column, and days of traffic for it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.context import DayContext
from jobs.ingest import ingest
from shark_core.config import PipelineConfig, parse_config
from shark_core.errors import DataError
from shark_core.interval import Interval
from shark_core.lake import Lake, Marker
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import Dataset

DAY = date(2026, 1, 1)
LENIENT = {"ingest": {"max_quarantined_share": 0.5}}


def document(lake: Path | str = "lake", **changes: Any) -> dict[str, Any]:
    """The config as YAML would give it; `changes` replace top-level keys."""
    fields = [
        {"name": "user", "encoding": "identity", "num_embeddings": 50},
        {"name": "ad", "encoding": "hash", "num_embeddings": 101},
        {"name": "site", "encoding": "vocabulary", "num_embeddings": 20, "min_count": 2},
        {"name": "tags", "encoding": "hash", "num_embeddings": 30, "pooling": "mean"},
        {
            "name": "topics",
            "encoding": "vocabulary",
            "num_embeddings": 20,
            "pooling": "sum",
            "separator": ",",
        },
    ]
    return {
        "name": "tiny",
        "lake": str(lake),
        "label": {"column": "clicked"},
        "event_time": {"column": "served_at"},
        "embedding_dim": 4,
        "fields": fields,
        "dense_features": [{"name": "price"}, {"name": "age", "fill": -1.0}],
        "tiers": {"int8_below": 1.0, "fp16_below": 4.0},
        "spark": {"driver_memory": "512m"},
        **changes,
    }


def tiny_config(lake: Path | str = "lake", **changes: Any) -> PipelineConfig:
    return parse_config(document(lake, **changes), where="tests")


def records(rows: int, day: date = DAY, seed: int = 0) -> pa.Table:
    """Valid impressions of one day, in the order of time."""
    random = np.random.default_rng([seed, day.toordinal()])
    start = int(Interval.of_day(day).start.timestamp()) * 10**6
    times = start + np.arange(rows) * (86_400 * 10**6 // rows)
    names = [[f"t{i}" for i in random.integers(0, 40, n)] for n in random.integers(0, 4, rows)]
    return pa.table(
        {
            "clicked": pa.array(np.arange(rows) % 3 == 0).cast(pa.int64()),
            "served_at": pa.array(times, pa.timestamp("us", tz="UTC")),
            "price": random.normal(size=rows),
            "age": pa.array(random.integers(0, 90, rows)),
            "user": pa.array(random.integers(0, 50, rows)),
            "ad": pa.array([f"ad{i}" for i in random.integers(0, 300, rows)]),
            "site": pa.array([f"site{i}" for i in random.zipf(1.5, rows) % 40]),
            "tags": pa.array(names, pa.list_(pa.string())),
            "topics": pa.array([",".join(tags) for tags in names]),
            "not_read": pa.array(["x"] * rows),
        }
    )


def with_values(table: pa.Table, column: str, values: dict[int, Any]) -> pa.Table:
    """The table with some values of a column replaced, of the column's type."""
    changed = table[column].to_pylist()
    for row, value in values.items():
        changed[row] = value
    index = table.schema.get_field_index(column)
    return table.set_column(index, column, pa.array(changed, table[column].type))


def write_traffic(
    lake: Path, table: pa.Table, day: date = DAY, name: str = "part-0.parquet", **options: Any
) -> Path:
    path = lake / f"traffic/ds={day}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def context_of(lake: Path, day: date = DAY, **changes: Any) -> DayContext:
    return DayContext(config=tiny_config(lake, **changes), day=day, run_id="test")


def next_day(day: date, days: int = 1) -> date:
    return day + timedelta(days=days)


def commit(context: DayContext, dataset: Dataset, table: pa.Table, **keys: str) -> Marker:
    """A finished partition with one file."""
    stamp = RunStamp("config", "code")
    target = context.partition(dataset, **keys)
    with PartitionWriter(Lake(context.config.lake), target, stamp) as writer:
        writer.write_table("part-00000.parquet", table)
        return writer.commit({})


def data_files(lake: Path, dataset: str) -> list[Path]:
    """Everything that lies under a dataset, markers too."""
    return sorted(path for path in (lake / dataset).rglob("*") if path.is_file())


def fingerprints(lake: Path) -> dict[str, str]:
    """The content of every finished partition but traffic, by its folder."""
    return {
        str(path.parent.relative_to(lake)): Marker.from_json(path.read_text()).fingerprint
        for path in sorted(lake.rglob("_marker.json"))
        if path.relative_to(lake).parts[0] != "traffic"
    }


def table_of(context: DayContext, dataset: Dataset, **keys: str) -> pa.Table:
    """All rows of the day's partition."""
    return context.lake.read_table(context.partition(dataset, **keys))


def refusal(context: DayContext) -> str:
    """The message with which ingest refuses the day."""
    with pytest.raises(DataError) as caught:
        ingest(context)
    return str(caught.value)


def written(lake: Path) -> list[Path]:
    """Every file in the lake that is not traffic."""
    return [path for path in lake.rglob("*") if path.is_file() and "traffic" not in path.parts]
