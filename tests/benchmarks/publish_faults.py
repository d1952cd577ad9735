"""Publishing under random fault schedules: what went wrong in them, and whether anything broke.

    python -m tests.benchmarks.publish_faults            50,000 schedules
    python -m tests.benchmarks.publish_faults --quick    as many as 30 seconds allow, 2,000 at least

In a schedule, jobs of two days (one of them twice at the same time), people, an expire and readers
work on one registry. Their calls to the storage are interleaved at random and go wrong at random,
see tests/publish/schedules.py. A violation is a promotion lost or done twice, an entry stored on
another than it expected, a reader with other bytes than were published or with an error that no
fault explains, leftovers that are never removed, or a rollback that goes elsewhere than back.

Each violation is printed as the command that runs its schedule again, and all of its calls. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console
from rich.table import Table

from tests.benchmarks.pool import results_of, workers
from tests.publish.fault_store import KILLS, Fault
from tests.publish.schedules import outcomes

BATCH = 100
FULL_BATCHES, QUICK_BATCHES = 500, 200
ENOUGH = 20  # batches that are run however long they take
QUICK_SECONDS = 30.0
SHOWN = 3  # violations


@dataclass
class Tally:
    schedules: int = 0
    calls: int = 0
    promotions: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.faults[fault] for fault in KILLS)


def run_batch(number: int, deadline: float) -> Tally:
    """Nothing after the deadline, by the clock that all processes share, but for a first few."""
    tally = Tally()
    logging.getLogger("shark").setLevel(logging.ERROR)  # jobs warn of what is damaged here
    if number >= ENOUGH and time.monotonic() > deadline:
        return tally
    for outcome in outcomes(range(number * BATCH, (number + 1) * BATCH)):
        tally.schedules += 1
        tally.calls += outcome.calls
        tally.promotions += outcome.promotions
        tally.faults += outcome.faults
        if outcome.violations:
            tally.violations.append(outcome.report())
    return tally


def total_of(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.schedules += tally.schedules
        total.calls += tally.calls
        total.promotions += tally.promotions
        total.faults += tally.faults
        total.violations += tally.violations
    return total


def show(total: Tally, seconds: float) -> None:
    for report in total.violations[:SHOWN]:
        print(report, end="\n\n")
    table = Table(title="fault schedules of publishing", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    figures = {
        "schedules": total.schedules,
        "a second": round(total.schedules / seconds),
        "calls to the storage": total.calls,
        "promotions and rollbacks": total.promotions,
        "faults": total.faults.total(),
        **{f"  {fault}": total.faults[fault] for fault in Fault},
        "kills": total.kills,
        "schedules with a violation": len(total.violations),
    }
    for name, figure in figures.items():
        table.add_row(name, f"{figure:,}")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds")
    quick = parser.parse_args().quick
    begin = time.monotonic()
    deadline = begin + QUICK_SECONDS if quick else float("inf")
    batches = range(QUICK_BATCHES if quick else FULL_BATCHES)
    with workers() as pool:
        jobs = {number: partial(run_batch, number, deadline) for number in batches}
        total = total_of(results_of(pool, f"batches of {BATCH} schedules", jobs).values())
    seconds = time.monotonic() - begin
    show(total, seconds)
    result = {
        "schedules": total.schedules,
        "faults": total.faults.total(),
        "violations": len(total.violations),
        "faults_by_kind": {fault.value: total.faults[fault] for fault in Fault},
        "kills": total.kills,
        "calls": total.calls,
        "promotions": total.promotions,
        "seconds": round(seconds, 1),
    }
    print(json.dumps(result))
    sys.exit(1 if total.violations else 0)


if __name__ == "__main__":
    main()
