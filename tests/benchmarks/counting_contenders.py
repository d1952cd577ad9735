"""The same counts by our jobs, by Polars and by DuckDB. Each function runs in a fresh process.

What is timed: for ours the job from its first line to the last committed marker, which includes the
start of Spark's Python workers and the writing of the counts, but not of the Spark context; for the
others their queries, without writing. Polars was faster field by field with its streaming engine
(3.2 s) than all fields together (3.5 s streaming, 3.7 s in memory); DuckDB was faster on the files
(2.9 s) than on a table made of them first.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shark_core.config import PipelineConfig
from shark_core.interval import Interval
from shark_core.lake import Lake, partition
from shark_core.schemas import ACCESS_COUNTS
from tests.benchmarks.counting_log import DAY, NEXT_DAY
from tests.benchmarks.measured_process import seconds_of

Queried = list[tuple[str, str, str]]  # files, column, where the counts are to be written


def count_by_job(config: PipelineConfig) -> float:
    from jobs.context import DayContext
    from jobs.count_accesses import count_accesses
    from shark_core.spark.context import spark_context

    spark_context(config.spark, "counting")
    return seconds_of(lambda: count_accesses(DayContext(config, DAY, "benchmark")))


def count_by_backfill(config: PipelineConfig) -> float:
    from jobs.backfill_counts import backfill_counts
    from jobs.backfilling import Backfill
    from shark_core.spark.context import spark_context

    spark_context(config.spark, "counting")
    backfill = Backfill(config, config.fields, Interval.of_days(DAY, NEXT_DAY))
    return seconds_of(lambda: backfill_counts(backfill))


def count_by_polars(queried: Queried) -> float:
    import polars as pl

    found: list[pl.DataFrame] = []

    def query() -> None:
        for files, column, _ in queried:
            counts = (
                pl.scan_parquet(files)
                .group_by(pl.col(column).alias("value"))
                .agg(pl.col("label").sum().alias("positives"), pl.len().alias("accesses"))
            )
            found.append(counts.collect(engine="streaming"))

    seconds = seconds_of(query)
    _write([counts.to_arrow() for counts in found], queried)
    return seconds


def count_by_duckdb(queried: Queried) -> float:
    import duckdb

    connection = duckdb.connect()
    found: list[pa.Table] = []

    def query() -> None:
        for files, column, _ in queried:
            found.append(
                connection.sql(
                    f"SELECT {column} AS value, sum(label)::BIGINT AS positives, "  # noqa: S608
                    f"count(*) AS accesses FROM '{files}' GROUP BY 1"
                ).to_arrow_table()
            )

    seconds = seconds_of(query)
    _write(found, queried)
    return seconds


def _write(tables: list[pa.Table], queried: Queried) -> None:
    for table, (_, _, path) in zip(tables, queried, strict=True):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        negatives = pa.compute.subtract(
            table["accesses"].cast(pa.int64()), table["positives"].cast(pa.int64())
        )
        columns = [table["value"], table["positives"].cast(pa.int64()), negatives]
        pq.write_table(pa.table(columns, names=["value", "positives", "negatives"]), path)


def counts_of_job(config: PipelineConfig, field: str) -> pa.Table:
    return Lake(config.lake).read_table(partition(ACCESS_COUNTS, DAY, field=field))
