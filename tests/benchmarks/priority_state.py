"""How large the state of row priorities becomes over a year of drifting ids.

    python -m tests.benchmarks.priority_state            200,000 ids alive at a time
    python -m tests.benchmarks.priority_state --quick     20,000

Ids drift as those of videos or news do. Each day 5 % of the ids that are alive are new and as many
end, so that an id lives 20 days. An access goes to the k-th newest id with a probability like
1 / k (Zipf's law), k up to the number of ids alive: an id is read most on its first days, fades,
and is not read again. There are ten accesses a day for each id alive, a third of them positive.

State is kept by `updated_priorities` as the job does it, once with the default floor and once
without. Bytes are those of the state's part file. Prints a line a month; the last line is one JSON
object. With the floor the state stops growing once the first ids have fallen below it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from shark_core.access.priorities import Aged, Updated, updated_priorities
from shark_core.access.priority_tasks import ENCODING
from shark_core.access.row_ranges import RowRange
from shark_core.config_sections import Priority
from shark_core.lake import Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import ACCESS_COUNTS_SCHEMA, ROW_PRIORITY_SCHEMA

DAYS, MONTH = 365, 30
ALIVE = {"full": 200_000, "quick": 20_000}
WITH_FLOOR = Priority()
WITHOUT_FLOOR = Priority(floor=0.0)


@dataclass(frozen=True)
class Month:
    """`day` days have passed; `too_low`: what dropping has taken from any row's priority."""

    day: int
    rows_ever_accessed: int
    rows_in_state: int
    rows_dropped: int
    bytes: int
    bytes_without_floor: int
    too_low: float


@dataclass(frozen=True)
class Drift:
    """`alive` ids at a time, of which `alive / 20` are new each day."""

    alive: int

    @property
    def rows(self) -> RowRange:
        return RowRange(0, self.alive + DAYS * (self.alive // 20))

    def counts(self, day: int) -> Aged:
        """The accesses of a day; ids are numbered in the order in which they appear."""
        random = np.random.default_rng([7, day])
        newest = self.alive + day * (self.alive // 20)
        ranks = np.floor(self.alive ** random.random(10 * self.alive)).astype(np.int64)  # 1 …
        rows, place = np.unique(newest - ranks, return_inverse=True)
        positive = random.random(len(ranks)) < 1 / 3
        positives = np.bincount(place, weights=positive).astype(np.int64)
        columns = [rows, positives, np.bincount(place) - positives]
        return Aged(0, pa.table(columns, schema=ACCESS_COUNTS_SCHEMA))


def simulate(drift: Drift) -> Iterator[Month]:
    kept = full = ROW_PRIORITY_SCHEMA.empty_table()
    dropped = 0
    for day in range(1, DAYS + 1):
        counts = drift.counts(day)
        update = next_state(drift, kept, counts, WITH_FLOOR)
        kept, dropped = update.table, dropped + update.dropped
        full = next_state(drift, full, counts, WITHOUT_FLOOR).table
        if day % MONTH == 0 or day == DAYS:
            sizes = (file_bytes(kept), file_bytes(full))
            yield Month(day, len(full), len(kept), dropped, *sizes, difference(full, kept))


def next_state(drift: Drift, state: pa.Table, counts: Aged, settings: Priority) -> Updated:
    return updated_priorities(drift.rows, [Aged(1, state)], [counts], settings)


def file_bytes(state: pa.Table) -> int:
    with tempfile.TemporaryDirectory() as folder:
        files = AttemptFiles(Lake(folder), "state", "size")
        return files.write_table("part-00000.parquet", state, **ENCODING).bytes


def difference(full: pa.Table, kept: pa.Table) -> float:
    missing = full["priority"].to_numpy().copy()
    rows = full["row_id"].to_numpy()
    missing[np.searchsorted(rows, kept["row_id"].to_numpy())] -= kept["priority"].to_numpy()
    return float(missing.max())


def show(months: list[Month], alive: int) -> None:
    title = f"row priorities of {alive:,} ids alive at a time, floor {WITH_FLOOR.floor}"
    table = Table(title=title, title_justify="left")
    names = [
        "day",
        "rows ever accessed",
        "rows in state",
        "dropped so far",
        "bytes",
        "bytes without floor",
        "too low by",
    ]
    for name in names:
        table.add_column(name, justify="right")
    for month in months:
        *counts, too_low = asdict(month).values()
        table.add_row(*(f"{count:,}" for count in counts), f"{too_low:.6f}")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the ids")
    alive = ALIVE["quick" if parser.parse_args().quick else "full"]
    begin = time.perf_counter()
    months = list(simulate(Drift(alive)))
    show(months, alive)
    third, last = months[2], months[-1]
    figures = {
        "ids_alive": alive,
        "floor": WITH_FLOOR.floor,
        **asdict(last),
        "growth_of_state_since_day_90": round(last.rows_in_state / third.rows_in_state - 1, 4),
        "seconds": round(time.perf_counter() - begin, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
