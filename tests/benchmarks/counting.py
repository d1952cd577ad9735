"""How fast, and in how much memory, accesses are counted; Polars and DuckDB beside it.

    python -m tests.benchmarks.counting              20 million examples × 10 fields, three runs
    python -m tests.benchmarks.counting --quick      the same once, within 45 s
    python -m tests.benchmarks.counting --cluster    ours on a standalone cluster of two workers
    python -m tests.benchmarks.counting --scale      ours at 1×, 2× and 4× the rows

The first table is `count-accesses` on row ids, which may take 3 × as long as Polars. The second is
`backfill-counts` on 64-bit ids and strings of raw traffic, which ours also validates, encodes and
adds up by row. Every count of every contender is compared; one that differs ends with exit code 1.
The medians of the runs are printed; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from infra.spark.cluster import LocalCluster
from infra.spark.options import ClusterSize
from shark_core.access.value_counts import encoded
from shark_core.config import PipelineConfig
from shark_core.config_sections import Spark
from shark_core.schemas import EXAMPLES, TRAFFIC, field_column
from shark_core.traffic.encoding import FieldEncoder
from tests.benchmarks.counting_contenders import (
    Queried,
    count_by_backfill,
    count_by_duckdb,
    count_by_job,
    count_by_polars,
    counts_of_job,
)
from tests.benchmarks.counting_log import dense_log, files_of, sparse_log
from tests.benchmarks.counting_scale import measure_scale
from tests.benchmarks.measured_process import Measured, measured

ROWS = 20_000_000
SPARSE_ROWS = 5_000_000
RUNS = 3
PEERS = {"Polars": count_by_polars, "DuckDB": count_by_duckdb}


@dataclass(frozen=True)
class Contest:
    """A log, our job on it, and what the peers query: column by field."""

    title: str
    config: PipelineConfig
    job: Callable[[PipelineConfig], float]
    files: str
    columns: dict[str, str]

    def queried(self, folder: Path) -> Queried:
        return [
            (self.files, column, str(folder / f"{field}.parquet"))
            for field, column in self.columns.items()
        ]


@dataclass(frozen=True)
class Outcome:
    """Seconds of each run and the peak memory of the process tree, by contender."""

    seconds: dict[str, list[float]]
    peak_mb: dict[str, float]
    agree: bool

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])


def dense_contest(rows: int) -> Contest:
    config = dense_log(rows)
    columns = {field.name: field_column(field.name) for field in config.fields}
    title = f"{rows:,} examples × {len(columns)} fields"
    return Contest(title, config, count_by_job, files_of(config, EXAMPLES), columns)


def sparse_contest(rows: int) -> Contest:
    config = sparse_log(rows)
    columns = {field.name: field.column for field in config.fields}
    title = f"{rows:,} records × {len(columns)} fields: 64-bit ids, strings"
    return Contest(title, config, count_by_backfill, files_of(config, TRAFFIC), columns)


@dataclass(frozen=True)
class Where:
    """Where ours runs, with the processes of the cluster that work for it."""

    spark: Spark
    workers: tuple[int, ...] = ()


def hold(contest: Contest, where: Where, runs: int) -> Outcome:
    config = contest.config.model_copy(update={"spark": where.spark})
    seconds: dict[str, list[float]] = {"ours": [], **{name: [] for name in PEERS}}
    peaks = dict.fromkeys(seconds, 0.0)

    def note(name: str, found: Measured) -> None:
        seconds[name].append(found.value)
        peaks[name] = max(peaks[name], found.peak_mb)

    agree = True
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            _forget_counts(config)
            note("ours", measured(contest.job, config, beside=where.workers))
            for name, query in PEERS.items():
                queried = contest.queried(Path(folder) / name)
                note(name, measured(query, queried))
                agree &= all(map(partial(_agrees, config), contest.columns, queried))
    return Outcome(seconds, peaks, agree)


def _forget_counts(config: PipelineConfig) -> None:
    shutil.rmtree(Path(config.lake) / "access_counts", ignore_errors=True)


def _agrees(config: PipelineConfig, field: str, query: tuple[str, str, str]) -> bool:
    """Whether a peer's counts, by the rows of its values, are those of our job."""
    theirs = pq.read_table(query[2])
    encoder = FieldEncoder(config.field(field))
    found = encoded([theirs], encoder.encode_values)
    return found.equals(counts_of_job(config, field).cast(found.schema))


def print_outcome(contest: Contest, outcome: Outcome) -> None:
    table = Table("", "seconds", "runs", "peak MiB", title=contest.title, title_justify="left")
    for name, runs in outcome.seconds.items():
        each = " ".join(f"{seconds:.2f}" for seconds in runs)
        table.add_row(name, f"{outcome.median(name):.2f}", each, f"{outcome.peak_mb[name]:,.0f}")
    console = Console()
    console.print(table)
    ratio = outcome.median("ours") / outcome.median("Polars")
    agree = "agree to the last count" if outcome.agree else "DISAGREE"
    console.print(f"ours / Polars: {ratio:.2f}; the counts {agree}\n")


def figures(contest: Contest, rows: int, outcome: Outcome) -> dict[str, Any]:
    ratios = [
        round(ours / polars, 2)
        for ours, polars in zip(outcome.seconds["ours"], outcome.seconds["Polars"], strict=True)
    ]
    return {
        "rows": rows,
        "fields": len(contest.columns),
        "ours_s": round(outcome.median("ours"), 2),
        "polars_s": round(outcome.median("Polars"), 2),
        "duckdb_s": round(outcome.median("DuckDB"), 2),
        "ours_over_polars": round(outcome.median("ours") / outcome.median("Polars"), 2),
        "ours_over_polars_of_each_run": ratios,
        "peak_rss_mb": round(outcome.peak_mb["ours"]),
        "agree": outcome.agree,
    }


def run_contests(arguments: argparse.Namespace) -> dict[str, Any]:
    runs = 1 if arguments.quick else RUNS
    sparse_rows = SPARSE_ROWS // 2 if arguments.quick else SPARSE_ROWS
    with ExitStack() as running:
        where = start_cluster(running) if arguments.cluster else Where(Spark())
        dense = dense_contest(ROWS)
        print_outcome(dense, outcome := hold(dense, where, runs))
        sparse = sparse_contest(sparse_rows)
        print_outcome(sparse, sparse_outcome := hold(sparse, where, runs))
    return {
        **figures(dense, ROWS, outcome),
        "sparse": figures(sparse, sparse_rows, sparse_outcome),
    }


def start_cluster(running: ExitStack) -> Where:
    cluster = running.enter_context(LocalCluster(ClusterSize(workers=2, cores=1)))
    return Where(Spark(master=cluster.url, executors=2, executor_cores=1), cluster.workers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one run of each, fewer sparse rows")
    parser.add_argument("--cluster", action="store_true", help="ours on two standalone workers")
    parser.add_argument("--scale", action="store_true", help="ours at 1×, 2× and 4× the rows")
    arguments = parser.parse_args()
    found = measure_scale(ROWS) if arguments.scale else run_contests(arguments)
    print(json.dumps(found))
    if not (arguments.scale or (found["agree"] and found["sparse"]["agree"])):
        sys.exit(1)


if __name__ == "__main__":
    main()
