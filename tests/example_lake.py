"""A small lake of examples, written without Spark: two single-valued fields and a multi-valued one.

The label follows `item` and `tags`, so that models can learn something and importance differs.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from shark_core.config import PipelineConfig, parse_config
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import EXAMPLES, examples_schema

DAY = date(2026, 1, 2)
STAMP = RunStamp("0" * 16, "test")


def tiny_config(root: Path, **changes: Any) -> PipelineConfig:
    """`changes` replace whole top-level keys."""
    document: dict[str, Any] = {
        "name": "tiny",
        "lake": str(root),
        "label": {"column": "click"},
        "event_time": {"column": "served_at"},
        "embedding_dim": 4,
        "fields": [
            {"name": "user", "encoding": "hash", "num_embeddings": 50},
            {"name": "item", "encoding": "vocabulary", "num_embeddings": 20, "embedding_dim": 6},
            {"name": "tags", "encoding": "identity", "num_embeddings": 8, "pooling": "mean"},
        ],
        "dense_features": [{"name": "age"}, {"name": "price"}],
        "training": {"batch_size": 64, "shuffle_rows": 256},
        "tiers": {"int8_below": 2.0, "fp16_below": 5.0},
        **changes,
    }
    return parse_config(document, where="tests")


def examples_table(config: PipelineConfig, day: date, rows: int, seed: int = 0) -> pa.Table:
    """`rows` examples spread evenly over the day."""
    random = np.random.default_rng([seed, day.toordinal()])
    item = random.integers(0, 20, rows)
    tags = [random.integers(0, 8, random.integers(0, 4)).tolist() for _ in range(rows)]
    logit = np.where(item % 2, 1.5, -1.5) + np.array([1.0 if 3 in row else 0.0 for row in tags])
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    columns = {
        "label": random.random(rows) < 1 / (1 + np.exp(-logit)),
        "event_time": [start + timedelta(days=1) * row / rows for row in range(rows)],
        "dense_age": random.normal(size=rows),
        "dense_price": random.normal(size=rows),
        "field_user": random.integers(0, 50, rows),
        "field_item": item,
        "field_tags": tags,
    }
    schema = examples_schema(config)
    arrays = [pa.array(columns[column.name]).cast(column.type) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def write_examples(config: PipelineConfig, day: date, *tables: pa.Table) -> Lake:
    """One part file a table."""
    lake = Lake(config.lake)
    with PartitionWriter(lake, partition(EXAMPLES, day), STAMP) as writer:
        for number, table in enumerate(tables):
            writer.write_table(f"part-{number:05}.parquet", table)
        writer.commit({}, {"examples": sum(table.num_rows for table in tables)})
    return lake


def tiny_lake(config: PipelineConfig, *days: date, rows: int = 500) -> Lake:
    for day in days:
        write_examples(config, day, examples_table(config, day, rows))
    return Lake(config.lake)
