"""Keep-k curves of one data set as a PNG: a panel for each regime."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from tests.benchmarks.field_selection.curves import Curves, auc_by_k
from tests.benchmarks.field_selection.experiment import RegimeCurves

STYLES = {
    "logit_taylor": ("logit-Taylor", "#d62728", "o"),
    "f_permutation": ("F-Permutation", "#1f77b4", "s"),
    "permutation": ("true permutation, 5 donors", "#2ca02c", "^"),
    "l1_gate": ("L1 gate", "#9467bd", "v"),
    "gbdt": ("boosted trees, gain", "#ff7f0e", "D"),
    "loop": ("logit-Taylor, scored again after each step", "#17becf", "P"),
    "random": ("random", "#7f7f7f", "x"),
}
PANELS = {
    "well_trained": "Ranked after 1 epoch,\ntrained anew for 1",
    "over_fitted": "Ranked after 2 epochs (over-fitted),\ntrained anew for 1",
    "over_fitted_throughout": "Ranked after 2 epochs (over-fitted),\ntrained anew for 2",
}


def plot_curves(dataset: str, by_regime: RegimeCurves, path: Path) -> None:
    figure, panels = plt.subplots(1, len(by_regime), figsize=(15, 6.2), layout="constrained")
    for panel, (regime, curves) in zip(panels, by_regime.items(), strict=True):
        _draw(panel, curves)
        panel.set_title(PANELS[regime])
    panels[0].set_ylabel("AUC on held-out days (mean over seeds ± standard error)")
    figure.suptitle(f"{dataset}: quality with the best k fields", fontsize=14)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw(panel: Axes, curves: Curves) -> None:
    for method, (label, colour, marker) in STYLES.items():
        if method not in curves:
            continue
        by_k = auc_by_k(curves[method])
        ks = sorted(by_k)
        panel.errorbar(
            ks,
            [by_k[k].mean for k in ks],
            yerr=[by_k[k].standard_error or 0.0 for k in ks],
            label=label,
            color=colour,
            marker=marker,
            markersize=5,
            capsize=3,
            linewidth=1.0 if method == "random" else 1.6,
        )
    panel.axhline(by_k[ks[-1]].mean, color="black", linestyle=":", linewidth=1, label="all fields")
    panel.set_xscale("log", base=2)
    panel.set_xticks(ks, [str(k) for k in ks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("k, fields kept")
    panel.grid(alpha=0.3)
