"""Over seeds: one row for each data set, contender and stage; as a table and as JSON.

The interval of a mean ΔAUC holds both what other examples and what other seeds would change:
`s.e.² = mean of DeLong's s.e.² + variance over seeds / seeds`. The examples are the same for all
seeds, so that DeLong's does not shrink with their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, variance
from typing import Any

from rich.console import Console
from rich.table import Table

from shark_core.confidence import Z_95
from tests.benchmarks.compression.experiment import Measured


@dataclass(frozen=True)
class Row:
    dataset: str
    name: str
    family: str
    stage: str
    fields: float
    ratio: float
    delta_auc: float
    standard_error: float
    delta_log_loss: float

    @property
    def low(self) -> float:
        return self.delta_auc - Z_95 * self.standard_error

    @property
    def key(self) -> str:
        return f"{self.dataset} {self.name} {self.stage}"

    @classmethod
    def of(cls, dataset: str, seeds: Sequence[Measured]) -> Row:
        first = seeds[0]
        deltas = [found.delta_auc for found in seeds]
        between = variance(deltas) / len(deltas) if len(deltas) > 1 else 0.0
        within = mean(found.standard_error**2 for found in seeds)
        return cls(
            dataset,
            first.name,
            first.family,
            first.stage,
            mean(found.fields for found in seeds),
            mean(found.ratio for found in seeds),
            mean(deltas),
            (between + within) ** 0.5,
            mean(found.delta_log_loss for found in seeds),
        )


def rows(measured: Mapping[str, Sequence[Measured]]) -> list[Row]:
    """`measured`: by data set."""
    found = []
    for dataset, results in measured.items():
        groups: dict[tuple[str, str], list[Measured]] = {}
        for result in results:
            groups.setdefault((result.name, result.stage), []).append(result)
        found += [Row.of(dataset, seeds) for seeds in groups.values()]
    return found


def largest_free_ratio(found: Sequence[Row], dataset: str) -> dict[str, float | None]:
    """Stage → the largest ratio of ours at which the mean ΔAUC is not below 0."""
    mine = [row for row in found if (row.dataset, row.family) == (dataset, "ours")]
    return {
        stage: max((r.ratio for r in mine if r.stage == stage and r.delta_auc >= 0), default=None)
        for stage in dict.fromkeys(row.stage for row in mine)
    }


def document(found: Sequence[Row]) -> dict[str, Any]:
    return {
        "configs": {
            row.key: {
                "ratio": row.ratio,
                "delta_auc": row.delta_auc,
                "delta_auc_low": row.low,
                "delta_logloss": row.delta_log_loss,
                "fields": row.fields,
            }
            for row in found
        },
        "largest_ratio_without_loss": {
            dataset: largest_free_ratio(found, dataset)
            for dataset in dict.fromkeys(row.dataset for row in found)
        },
    }


def show(console: Console, found: Sequence[Row]) -> None:
    for dataset in dict.fromkeys(row.dataset for row in found):
        table = Table("", "stage", "fields", "ratio", "ΔAUC", "95 % low", "Δlog-loss")
        table.title, table.title_justify = dataset, "left"
        for row in (row for row in found if row.dataset == dataset):
            table.add_row(
                row.name,
                row.stage,
                f"{row.fields:.0f}",
                f"{row.ratio:.2f}",
                f"{row.delta_auc:+.5f}",
                f"{row.low:+.5f}",
                f"{row.delta_log_loss:+.5f}",
            )
        console.print(table)
