"""How the time and memory of counting and of the priorities' state grow with the traffic."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from shark_core.access.row_ranges import RANGE_ROWS
from shark_core.config import PipelineConfig
from shark_core.lake import Lake, partition
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, ROW_PRIORITY
from tests.benchmarks.counting_contenders import count_by_job
from tests.benchmarks.counting_log import DAY, dense_log
from tests.benchmarks.measured_process import measured, seconds_of
from tests.benchmarks.priority_cost import update_cost

FACTORS = (1, 2, 4)
ACCESSED_A_DAY = 0.1  # of the rows with a priority


def update_by_job(config: PipelineConfig) -> float:
    from jobs.context import DayContext
    from jobs.update_priorities import update_priorities
    from shark_core.spark.context import spark_context

    spark_context(config.spark, "counting")
    return seconds_of(lambda: update_priorities(DayContext(config, DAY, "benchmark")))


def measure_scale(rows: int) -> dict[str, Any]:
    """A table, and the figures of each size for the estimate of `tests.benchmarks.sizing`."""
    sizes = [_measure(rows * factor) for factor in FACTORS]
    table = Table("", title="count-accesses, then update-priorities", title_justify="left")
    for factor in FACTORS:
        table.add_column(f"{factor} ×", justify="right")
    for name in sizes[0]:
        table.add_row(name.replace("_", " "), *(f"{size[name]:,}" for size in sizes))
    Console().print(table)
    updating = update_cost(RANGE_ROWS, ACCESSED_A_DAY)
    return {"fields": len(dense_log(rows).fields), "scale": sizes, "updating": updating}


def _measure(rows: int) -> dict[str, float]:
    config = dense_log(rows)
    counted = measured(count_by_job, config)
    updated = measured(update_by_job, config)
    lake = Lake(config.lake)
    counts = [lake.marker(partition(ACCESS_COUNTS, DAY, field=f.name)) for f in config.fields]
    state = [lake.marker(partition(ROW_PRIORITY, DAY, field=f.name)) for f in config.fields]
    return {
        "rows": rows,
        "examples_mb": round(lake.marker(partition(EXAMPLES, DAY)).bytes / 2**20),
        "count_s": round(counted.value, 2),
        "count_s_per_billion": round(counted.value / rows * 1e9, 1),
        "count_peak_mb": round(counted.peak_mb),
        "update_s": round(updated.value, 2),
        "update_peak_mb": round(updated.peak_mb),
        "counted_rows": sum(marker.rows for marker in counts),
        "counts_bytes": sum(marker.bytes for marker in counts),
        "state_rows": sum(marker.rows for marker in state),
        "state_bytes": sum(marker.bytes for marker in state),
    }
