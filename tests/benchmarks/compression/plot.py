"""The frontier: how much smaller, and what it costs in AUC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.benchmarks.compression.experiment import STAGES
from tests.benchmarks.compression.summary import Row

FAMILIES = {
    "paper": ("F-Permutation and int8/fp16/fp32 by priority (SHARK)", "#1f77b4", "s"),
    "frequency": ("six tiers by priority", "#ff7f0e", "^"),
    "ours": ("logit-Taylor and six tiers by predicted loss", "#d62728", "o"),
}
LINES = {"post-training": "--", "finetuned": "-"}
# Ratio and ΔAUC of MPE's public code on KuaiRand, each against its own fp32 run.
MPE = ((14.5, -0.0034), (16.9, -0.0042), (18.8, -0.0041), (26.8, -0.0067), (33.0, -0.0080))


def plot_frontier(dataset: str, found: Sequence[Row], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(10, 6.5), layout="constrained")
    for family, (label, colour, marker) in FAMILIES.items():
        for stage in STAGES:
            points = sorted(
                (row.ratio, row.delta_auc, row.standard_error)
                for row in found
                if (row.family, row.stage) == (family, stage)
            )
            if points:
                ratios, deltas, errors = zip(*points, strict=True)
                axes.errorbar(
                    ratios,
                    deltas,
                    yerr=errors,
                    label=f"{label}, {stage}",
                    color=colour,
                    marker=marker,
                    linestyle=LINES[stage],
                    capsize=3,
                )
    _single_points(axes, found)
    if dataset.startswith("kuairand"):
        axes.plot(*zip(*MPE, strict=True), "D:", color="black", label="MPE (public code)")
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks(ticks := (2, 4, 8, 12, 16, 24, 33), [f"{tick} ×" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("fp32 bytes of all fields / bytes of what is stored, all counted")
    axes.set_ylabel("ΔAUC on held-out days (mean over seeds ± standard error)")
    axes.set_title(f"{dataset}: compression and quality")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _single_points(axes: Axes, found: Sequence[Row]) -> None:
    """Uniform tiers, after finetuning."""
    for row in found:
        if row.family not in FAMILIES and row.stage == STAGES[-1]:
            axes.plot(row.ratio, row.delta_auc, "x", color="grey")
            axes.annotate(row.name, (row.ratio, row.delta_auc), fontsize=8, color="grey")
