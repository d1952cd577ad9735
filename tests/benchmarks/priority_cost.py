"""What the two steps of update-priorities cost a core: planning a field, and updating rows.

    python -m tests.benchmarks.priority_cost            1,000 and 2,750 days; 4.2M rows
    python -m tests.benchmarks.priority_cost --quick      124 days; 0.5M rows

Planning reads the marker of each day that matters: about 27.6 / decay of them, at most. It is
measured on a local disk, for a field whose state has applied all days but the present one.

Updating takes a range of rows that all have a priority, and counts of a part of them: of a tenth on
an ordinary day. It is measured in core seconds from Parquet to Parquet, in a process of its own.

Prints two tables; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from shark_core.access.count_files import ENCODING as COUNTS_ENCODING
from shark_core.access.priority_inputs import PlanTask, plan_field
from shark_core.access.priority_plan import PriorityPlan, Rules
from shark_core.access.priority_tasks import ENCODING, AgedFiles, UpdateTask, update_range
from shark_core.access.row_ranges import RANGE_ROWS, RowRange
from shark_core.config_sections import Field, Priority
from shark_core.lake import Lake, partition
from shark_core.partition_writer import AttemptFiles, PartitionWriter, RunStamp
from shark_core.schemas import (
    ACCESS_COUNTS,
    ACCESS_COUNTS_SCHEMA,
    ROW_PRIORITY,
    ROW_PRIORITY_SCHEMA,
    Dataset,
)
from tests.benchmarks.measured_process import measured

FIELD = Field(name="item", encoding="identity", num_embeddings=RANGE_ROWS, embedding_dim=16)
FIRST = date(2026, 1, 1)
SLOW = Priority(decay=0.01)
TIMES = 5


@dataclass(frozen=True)
class Scope:
    """`histories`: lengths in days; `rows` of the range; `shares` of its rows that are accessed."""

    histories: tuple[int, ...]
    rows: int
    shares: tuple[float, ...] = (0.1, 1.0)


FULL = Scope(histories=(124, 1_000, 2_750), rows=RANGE_ROWS)
QUICK = Scope(histories=(124,), rows=500_000)


def plan_cost(days: int) -> dict[str, Any]:
    """Of a field with `days` days of counts and a state of the last but one of them."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        *past, present = (FIRST + timedelta(days=number) for number in range(days))
        counts = {"row_assignment": FIELD.row_assignment}
        applied = {day: commit(lake, ACCESS_COUNTS, day, counts) for day in [*past, present]}
        del applied[present]
        ledger = PriorityPlan(Rules.of(FIELD, SLOW), None, (), applied).facts
        commit(lake, ROW_PRIORITY, past[-1], ledger)
        task = PlanTask(lake, FIELD, present, "examples", SLOW, tuple(past), (past[-1],))
        begin = time.perf_counter()
        for _ in range(TIMES):
            assert plan_field(task).plan.add == (present,)
        seconds = (time.perf_counter() - begin) / TIMES
    ledger_bytes = len(json.dumps(ledger["applied"], indent=1))
    return {"days": days, "ms": round(seconds * 1e3, 1), "ledger_bytes": ledger_bytes}


def commit(lake: Lake, dataset: Dataset, day: date, facts: dict[str, Any]) -> str:
    target = partition(dataset, day, field=FIELD.name)
    with PartitionWriter(lake, target, RunStamp("config", "code")) as writer:
        writer.write_bytes("part-00000.parquet", day.isoformat().encode())
        return writer.commit({"examples": "examples"}, facts).fingerprint


def update_cost(rows: int, share: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        task = update_task(AttemptFiles(Lake(folder), "priorities", "attempt"), rows, share)
        state_bytes = task.states[0].files[0].bytes
        found = measured(core_seconds, task)
    return {
        "state_rows": rows,
        "state_bytes_a_row": round(state_bytes / rows, 2),
        "counted_rows": round(task.size) - rows,
        "core_s": round(found.value, 2),
        "state_rows_per_core_s": round(rows / found.value),
        "core_s_per_billion": round(1e9 * found.value / rows),
        "peak_mb": round(found.peak_mb),
    }


def core_seconds(task: UpdateTask) -> float:
    """Of one of several updates in turn, as a Spark worker runs them."""
    begin = time.process_time()
    for _ in range(TIMES):
        update_range(task)
    return (time.process_time() - begin) / TIMES


def update_task(files: AttemptFiles, rows: int, share: float) -> UpdateTask:
    random = np.random.default_rng(7)
    every = np.arange(rows)
    state = pa.table([every, random.exponential(size=rows)], schema=ROW_PRIORITY_SCHEMA)
    read = every[random.random(rows) < share]
    accesses = [random.zipf(2.0, len(read)).clip(max=10**6) for _ in range(2)]
    counts = pa.table([read, *accesses], schema=ACCESS_COUNTS_SCHEMA)
    return UpdateTask(
        lake=files.lake,
        settings=Priority(),
        rows=RowRange(0, rows),
        states=(AgedFiles(1, (files.write_table("state.parquet", state, **ENCODING),)),),
        counts=(AgedFiles(0, (files.write_table("day.parquet", counts, **COUNTS_ENCODING),)),),
        output=files,
    )


def show(title: str, costs: Sequence[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left")
    for name in costs[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for cost in costs:
        table.add_row(*(f"{value:,}" for value in cost.values()))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer days, fewer rows")
    scope = QUICK if parser.parse_args().quick else FULL
    planning = [plan_cost(days) for days in scope.histories]
    show("planning a field", planning)
    updating = [update_cost(scope.rows, share) for share in scope.shares]
    show("updating a range of rows", updating)
    print(json.dumps({"planning": planning, "updating": updating}))


if __name__ == "__main__":
    main()
