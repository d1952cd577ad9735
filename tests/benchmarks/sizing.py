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

from shark_core.access.count_plan import COUNTERS_PER_TASK, ROWS_PER_TASK

CORES = 2  # of the measurements
IMPRESSIONS = 10_000_000_000
STATE_ROWS = 1_000_000_000
HOUR = 3600

PAGE = Path(__file__).with_name("sizing_page.md")


@dataclass(frozen=True)
class Estimate:
    """What the page says, from the sizes that were measured, ascending."""

    fields: int
    sizes: list[dict[str, float]]
    updating: dict[str, float]

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
        state_row_bytes = self.updating["state_bytes_a_row"]
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
            "update_core_minutes": STATE_ROWS * self.updating["core_s_per_billion"] / 1e9 / 60,
            "update_mb": self.updating["peak_mb"],
            "counters_mb": 16 * COUNTERS_PER_TASK // 2**20,
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
    estimate = Estimate(found["fields"], found["scale"], found["updating"])
    print(PAGE.read_text(encoding="utf-8").format_map(estimate.values()), end="")


if __name__ == "__main__":
    main()
