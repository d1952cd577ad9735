"""The logs that the counting benchmark reads, made once and kept under `.benchmarks/`.

    examples   10 fields of 8 to 2,000,000 rows, ids drawn as u³ (a few rows get most accesses),
               one label in three is positive; files and row groups as `ingest` writes them
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from shark_core.config import PipelineConfig, parse_config
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import EXAMPLES, examples_schema
from shark_core.traffic.traffic_files import BATCH_ROWS, SPLIT_ROWS

CACHE = Path(__file__).parents[2] / ".benchmarks"
DAY = date(2026, 1, 1)
STAMP = RunStamp("benchmark", "benchmark")
TABLES = (8, 100, 1_000, 10_000, 50_000, 100_000, 300_000, 500_000, 1_000_000, 2_000_000)
WRITERS = 2


def counting_config(lake: Path, tables: tuple[int, ...] = TABLES) -> PipelineConfig:
    fields = [
        {"name": f"f{number}", "encoding": "identity", "num_embeddings": size}
        for number, size in enumerate(tables)
    ]
    document = {
        "name": "counting",
        "lake": str(lake),
        "label": {"column": "label"},
        "event_time": {"column": "event_time"},
        "fields": fields,
        "tiers": {"int8_below": 1.0, "fp16_below": 4.0},
    }
    return parse_config(document, where="tests/benchmarks/counting_log.py")


def examples_log(rows: int) -> PipelineConfig:
    """The config of a lake that holds a day of `rows` examples."""
    folder = CACHE / f"examples-{rows}"
    config = counting_config(folder)
    target = partition(EXAMPLES, DAY)
    if Lake(config.lake).find_marker(target) is None:
        shutil.rmtree(folder, ignore_errors=True)
        with (
            PartitionWriter(Lake(config.lake), target, STAMP) as writer,
            ThreadPoolExecutor(WRITERS) as pool,
        ):
            parts = range(-(-rows // SPLIT_ROWS))
            writer.add(pool.map(lambda part: _write_part(writer, config, rows, part), parts))
            writer.commit({}, {"examples": rows})
    return config


def _write_part(writer: PartitionWriter, config: PipelineConfig, rows: int, part: int):
    amount = min(SPLIT_ROWS, rows - part * SPLIT_ROWS)
    batches = _batches(config, amount, np.random.default_rng([rows, part]))
    name = f"part-{part:05d}.parquet"
    return writer.files.write_batches(name, examples_schema(config), batches, compression="zstd")


def _batches(
    config: PipelineConfig, rows: int, random: np.random.Generator
) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, BATCH_ROWS):
        amount = min(BATCH_ROWS, rows - start)
        columns = [
            (random.random(amount, dtype=np.float32) < 1 / 3).astype(np.int8),
            np.arange(start, start + amount),
            *(skewed_ids(random, amount, field.num_embeddings) for field in config.fields),
        ]
        schema = examples_schema(config)
        arrays = [
            pa.array(column).cast(kind) for column, kind in zip(columns, schema.types, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def skewed_ids(random: np.random.Generator, amount: int, size: int) -> np.ndarray:
    """`(amount,)` int64 below `size`: popular ids are spread over the whole range."""
    popularity = (size * random.random(amount) ** 3).astype(np.int64)
    return (popularity * 2_654_435_761 + 12_345) % size
