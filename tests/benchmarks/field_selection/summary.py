"""What the curves come to: one JSON document, and tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.field_selection.curves import (
    Curves,
    area,
    area_difference,
    areas,
    auc_by_k,
    auc_differences,
    log_loss_by_k,
)
from tests.benchmarks.field_selection.experiment import Found

OURS = "logit_taylor"
LOOP = "loop"
TITLES = {
    "well_trained": "ranked by a well-trained model, trained anew for one epoch",
    "over_fitted": "ranked by an over-fitted model, trained anew for one epoch",
    "over_fitted_throughout": "ranked by an over-fitted model, trained anew for as long",
}


def document(found: Mapping[str, Found]) -> dict[str, Any]:
    """By data set, regime and method; and the loop against one-shot ranking."""
    return {
        dataset: {regime: _methods(curves) for regime, curves in result.curves.items()}
        for dataset, result in found.items()
    } | {
        "loop_minus_one_shot": {
            dataset: {
                regime: _loop_minus_one_shot(curves)
                for regime, curves in result.curves.items()
                if LOOP in curves
            }
            for dataset, result in found.items()
        }
    }


def rankings(found: Mapping[str, Found]) -> dict[str, Any]:
    """By data set, `seed/epochs/method`."""
    return {
        dataset: {
            f"{seed}/{epochs}/{method}": ranking
            for seed, by_method in result.rankings.items()
            for (epochs, method), ranking in by_method.items()
        }
        for dataset, result in found.items()
    }


def _methods(curves: Curves) -> dict[str, Any]:
    return {
        method: {
            "area": areas(of_seeds).mean,
            "area_by_seed": [area(curve) for curve in of_seeds],
            "standard_error": areas(of_seeds).standard_error,
            "minus_logit_taylor": asdict(area_difference(of_seeds, curves[OURS])),
            "auc": {k: estimate.mean for k, estimate in auc_by_k(of_seeds).items()},
            "log_loss": {k: estimate.mean for k, estimate in log_loss_by_k(of_seeds).items()},
        }
        for method, of_seeds in curves.items()
    }


def _loop_minus_one_shot(curves: Curves) -> dict[str, Any]:
    loop, one_shot = curves[LOOP], curves[OURS]
    differences = auc_differences(loop, one_shot)
    return {
        "area": asdict(area_difference(loop, one_shot)),
        "auc": {k: asdict(difference) for k, difference in differences.items()},
    }


def show(console: Console, found: Mapping[str, Found]) -> None:
    for dataset, result in found.items():
        for regime, curves in result.curves.items():
            console.print(_curves_table(f"{dataset}, {TITLES[regime]}", curves))
        looped = {r: curves for r, curves in result.curves.items() if LOOP in curves}
        console.print(_loop_table(dataset, looped))


def _curves_table(title: str, curves: Curves) -> Table:
    ks = sorted(next(iter(curves.values()))[0])
    table = Table("AUC at k", *map(str, ks), title=title, title_justify="left")
    table.add_column("area", justify="right")
    table.add_column(f"minus {OURS}", justify="right")
    for method, of_seeds in sorted(curves.items(), key=lambda item: -areas(item[1]).mean):
        by_k = auc_by_k(of_seeds)
        difference = area_difference(of_seeds, curves[OURS])
        table.add_row(
            method,
            *(f"{by_k[k].mean:.4f}" for k in ks),
            areas(of_seeds).text(),
            "" if method == OURS else difference.text("+.4f"),
        )
    return table


def _loop_table(dataset: str, looped: Mapping[str, Curves]) -> Table:
    title = f"{dataset}, the loop minus one-shot ranking by {OURS}: ΔAUC"
    table = Table("k", *looped, title=title, title_justify="left")
    by_regime = [auc_differences(curves[LOOP], curves[OURS]) for curves in looped.values()]
    for k in by_regime[0]:
        table.add_row(str(k), *(differences[k].text("+.4f") for differences in by_regime))
    areas_of = (area_difference(curves[LOOP], curves[OURS]) for curves in looped.values())
    table.add_row("area", *(difference.text("+.4f") for difference in areas_of))
    return table
