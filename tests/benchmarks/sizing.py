"""An estimate for a large site from what the benchmark of counting measured: docs/sizing.md.

    python -m tests.benchmarks.counting --scale | tail -1 > .benchmarks/scale.json
    python -m tests.benchmarks.sizing .benchmarks/scale.json > docs/sizing.md

Times grow linearly from the smaller to the larger sizes, so that what a job costs to start does not
count; files and state are taken from the largest size. See the assumptions in the page itself.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shark_core.access.count_plan import ROWS_PER_TASK
from shark_core.access.row_ranges import RANGE_ROWS

CORES = 2  # of the measurements
IMPRESSIONS = 10_000_000_000
STATE_ROWS = 1_000_000_000
HOUR = 3600

PAGE = """# Sizing

Computed by `tests/benchmarks/sizing.py` from the last line of
`python -m tests.benchmarks.counting --scale`; nothing here is typed in by hand.

## Measured, {fields} fields, {cores} cores

| examples | examples files | count-accesses | peak memory | update-priorities | rows of state | state |
|---|---|---|---|---|---|---|
{measured}

Between the smallest and the largest: {core_seconds:.0f} core-seconds per billion examples of
{fields} fields. Peak memory is the sum over all processes, with Spark's Java and the driver.

## Estimated, {impressions:,} impressions a day, {fields} fields

| | | how |
|---|---|---|
| examples files | {examples_tb:.2f} TB | bytes per example, as measured |
| counting | {core_hours:.1f} core-hours, {cores_needed} cores for one hour | core-seconds per example |
| counting tasks | {tasks:,} | {groups} groups of at most {rows_per_task:,} examples × {fields} fields |
| partial counts, written and read once | {partial_gb:.1f} GB each way | as many bytes as the largest measured day, for each group |
| access counts of a day | {counts_gb:.2f} GB | as the largest measured day: its tables are nearly full |
| state, for {state_rows:,} rows in all tables | {state_gb:.1f} GB a day | {state_row_bytes:.1f} bytes a row |
| memory of a task | {task_mb} MiB and what Python needs | labels of one group, counters of {range_rows:,} rows, one file's column |

## Assumptions

- Fields are single-valued. A multi-valued field counts as many as its mean number of values.
- A core counts as fast as here: local disk, Parquet with zstd. On S3 the files of a task are read
  one after the other, so that latency adds about 30 ms for each of them.
- Tables are as large as the benchmark's (2,000,000 rows at most). A larger one has partial counts
  and state in proportion to the rows that a day, or the state, really has.
- Rows of state are what the floor of the priorities leaves:
  `python -m tests.benchmarks.priority_state` shows how they level off.
- The tasks are independent and need no shuffle of Spark's own: the partial counts are files.
"""


@dataclass(frozen=True)
class Estimate:
    """What the page says, from the sizes that were measured, ascending."""

    fields: int
    sizes: list[dict[str, float]]

    @property
    def largest(self) -> dict[str, float]:
        return self.sizes[-1]

    def per_example(self, figure: str) -> float:
        """How much of a figure each further example adds."""
        first, last = self.sizes[0], self.sizes[-1]
        return (last[figure] - first[figure]) / (last["rows"] - first["rows"])

    def values(self) -> dict[str, Any]:
        core_seconds = self.per_example("count_s") * CORES
        groups = -(-IMPRESSIONS // ROWS_PER_TASK)
        state_row_bytes = self.largest["state_bytes"] / self.largest["state_rows"]
        return {
            "fields": self.fields,
            "cores": CORES,
            "measured": "\n".join(map(_row, self.sizes)),
            "core_seconds": core_seconds * 1e9,
            "impressions": IMPRESSIONS,
            "examples_tb": self.per_example("examples_mb") * IMPRESSIONS / 2**20,
            "core_hours": core_seconds * IMPRESSIONS / HOUR,
            "cores_needed": -(-int(core_seconds * IMPRESSIONS) // HOUR),
            "tasks": groups * self.fields,
            "groups": groups,
            "rows_per_task": ROWS_PER_TASK,
            "partial_gb": groups * self.largest["counts_bytes"] / 2**30,
            "counts_gb": self.largest["counts_bytes"] / 2**30,
            "state_rows": STATE_ROWS,
            "state_gb": STATE_ROWS * state_row_bytes / 2**30,
            "state_row_bytes": state_row_bytes,
            "task_mb": (ROWS_PER_TASK + 16 * RANGE_ROWS) // 2**20,
            "range_rows": RANGE_ROWS,
        }


def _row(size: dict[str, float]) -> str:
    return (
        f"| {size['rows']:,} | {size['examples_mb']:,} MiB "
        f"| {size['count_s']} s | {size['count_peak_mb']:,} MiB "
        f"| {size['update_s']} s | {size['state_rows']:,} "
        f"| {size['state_bytes'] / 2**20:.1f} MiB |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scale", type=Path, help="the JSON of the benchmark with --scale")
    found = json.loads(parser.parse_args().scale.read_text(encoding="utf-8"))
    print(PAGE.format_map(Estimate(found["fields"], found["scale"]).values()), end="")


if __name__ == "__main__":
    main()
