"""How fast, and in how much memory, `generate` writes a day of synthetic traffic.

    python -m tests.benchmarks.generate_traffic            20 million impressions
    python -m tests.benchmarks.generate_traffic --quick     2 million, under a minute

The demo's 17 fields (two of them lists) and four dense features, to local Parquet with checksums.
Prints a table; the last line is one JSON object. Peak memory is that of the whole process.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import date

from rich.console import Console
from rich.table import Table

from jobs.generate import Amount, generate
from shark_core.lake import Lake, partition
from shark_core.schemas import TRAFFIC

START = date(2026, 1, 1)
SIZES = {"full": 20_000_000, "quick": 2_000_000}


def measure(impressions: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        begin = time.perf_counter()
        generate(lake, Amount(START, days=1, impressions_per_day=impressions, seed=1))
        seconds = time.perf_counter() - begin
        marker = lake.marker(partition(TRAFFIC, START))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts KiB
    return {
        "impressions": marker.rows,
        "seconds": round(seconds, 1),
        "impressions_per_second": round(marker.rows / seconds),
        "bytes": marker.bytes,
        "peak_rss_mib": round(peak / 2**20),
    }


def main() -> None:
    figures = measure(SIZES["quick" if "--quick" in sys.argv[1:] else "full"])
    table = Table("figure", "value", title="generate, one day", title_justify="left")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
