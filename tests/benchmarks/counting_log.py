"""The logs that the counting benchmark reads, made once and kept under `.benchmarks/`.

dense    examples with 10 fields of 8 to 2,000,000 rows: ids drawn as u³, so that a few rows get
         most accesses; one label in three is positive; files and row groups as by `ingest`
sparse   traffic with ids hashed to 64 bits (2,000,000 of them) and strings (1,000,000), and the
         examples of that day, which were made without these fields
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from shark_core.config import PipelineConfig, parse_config
from shark_core.lake import Lake, Marker, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import EXAMPLES, QUARANTINE, QUARANTINE_SCHEMA, TRAFFIC, Dataset
from shark_core.traffic.traffic_files import BATCH_ROWS, SPLIT_ROWS, fingerprint

CACHE = Path(__file__).parents[2] / ".benchmarks"
DAY = date(2026, 1, 1)
NEXT_DAY = DAY + timedelta(days=1)
STAMP = RunStamp("benchmark", "benchmark")
TABLES = (8, 100, 1_000, 10_000, 50_000, 100_000, 300_000, 500_000, 1_000_000, 2_000_000)
POSITIVE_SHARE = 1 / 3
GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it permutes 64-bit integers
THREADS = 2

Columns = Callable[[np.random.Generator, int], dict[str, Any]]


def dense_log(rows: int) -> PipelineConfig:
    """The config of a lake with a day of examples; all of its fields are in them."""
    fields = [
        {"name": f"f{number}", "encoding": "identity", "num_embeddings": size}
        for number, size in enumerate(TABLES)
    ]
    config = _config(CACHE / f"dense-{rows}", fields)
    if _is_new(config):
        _write_day(config, EXAMPLES, rows, _dense_columns, facts={"examples": rows})
    return config


def sparse_log(rows: int) -> PipelineConfig:
    """The config of a lake with a day of traffic; none of its fields is in the day's examples."""
    fields = [
        {"name": "hashed", "encoding": "hash", "num_embeddings": 3 << 22},
        {"name": "text", "encoding": "hash", "num_embeddings": 1 << 20},
    ]
    config = _config(CACHE / f"sparse-{rows}", fields)
    if _is_new(config):
        traffic = _write_day(config, TRAFFIC, rows, _sparse_columns)
        inputs = {"traffic": fingerprint(traffic.files)}
        with PartitionWriter(Lake(config.lake), partition(QUARANTINE, DAY), STAMP) as writer:
            writer.write_table("part-00000.parquet", QUARANTINE_SCHEMA.empty_table())
            writer.commit(inputs)
        positives = int(pa.compute.sum(_labels(config)).as_py())
        facts = {"records": rows, "examples": rows, "positives": positives}
        _write_day(config, EXAMPLES, rows, _labels_only, inputs, facts)
    return config


def files_of(config: PipelineConfig, dataset: Dataset) -> str:
    """The day's data files, as Polars and DuckDB want them."""
    return f"{config.lake}/{partition(dataset, DAY).path}/*.parquet"


def _config(lake: Path, fields: list[dict[str, Any]]) -> PipelineConfig:
    document = {
        "name": "counting",
        "lake": str(lake),
        "label": {"column": "label"},
        "event_time": {"column": "event_time", "unit": "s"},
        "fields": fields,
        "tiers": {"int8_below": 1.0, "fp16_below": 4.0},
    }
    return parse_config(document, where=__name__)


def _is_new(config: PipelineConfig) -> bool:
    """Whether the log has still to be made; what an interrupted run left goes."""
    if Lake(config.lake).find_marker(partition(EXAMPLES, DAY)) is not None:
        return False
    shutil.rmtree(config.lake, ignore_errors=True)
    return True


def _write_day(
    config: PipelineConfig,
    dataset: Dataset,
    rows: int,
    columns: Columns,
    inputs: dict[str, str] | None = None,
    facts: dict[str, Any] | None = None,
) -> Marker:
    target = partition(dataset, DAY)
    parts = [
        (number, min(SPLIT_ROWS, rows - start))
        for number, start in enumerate(range(0, rows, SPLIT_ROWS))
    ]
    with (
        PartitionWriter(Lake(config.lake), target, STAMP) as writer,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        writer.add(pool.map(lambda part: _write_part(writer, columns, rows, *part), parts))
        return writer.commit(inputs or {}, facts)


def _write_part(
    writer: PartitionWriter, columns: Columns, day_rows: int, number: int, rows: int
) -> Any:
    random = np.random.default_rng([day_rows, number])
    batches = list(_batches(columns, random, rows))
    name = f"part-{number:05d}.parquet"
    return writer.files.write_batches(name, batches[0].schema, batches, compression="zstd")


def _batches(columns: Columns, random: np.random.Generator, rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, BATCH_ROWS):
        yield pa.record_batch(columns(random, min(BATCH_ROWS, rows - start)))


def _labels_only(random: np.random.Generator, rows: int) -> dict[str, Any]:
    labels = (random.random(rows, dtype=np.float32) < POSITIVE_SHARE).astype(np.int8)
    return {"label": labels, "event_time": np.arange(rows)}


def _dense_columns(random: np.random.Generator, rows: int) -> dict[str, Any]:
    ids = {f"field_f{number}": _ids(random, rows, size) for number, size in enumerate(TABLES)}
    return {**_labels_only(random, rows), **{name: i.astype(np.int32) for name, i in ids.items()}}


def _sparse_columns(random: np.random.Generator, rows: int) -> dict[str, Any]:
    labels = _labels_only(random, rows)
    hashed = _ids(random, rows, 2_000_000).astype(np.uint64) * GOLDEN_RATIO
    texts = pa.array(_ids(random, rows, 1_000_000)).cast(pa.string())
    prefix = pa.scalar("query ")
    return {
        **labels,
        "hashed": hashed.view(np.int64),
        "text": pa.compute.binary_join_element_wise(prefix, texts, ""),
    }


def _ids(random: np.random.Generator, rows: int, size: int) -> np.ndarray:
    """`(rows,)` int64 below `size`: popular ids lie all over the range."""
    popularity = (size * random.random(rows) ** 3).astype(np.int64)
    return (popularity * 2_654_435_761 + 12_345) % size


def _labels(config: PipelineConfig) -> pa.ChunkedArray:
    return Lake(config.lake).read_table(partition(TRAFFIC, DAY), ["label"])["label"]
