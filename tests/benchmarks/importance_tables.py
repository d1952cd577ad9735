"""What the benchmark of importance found: tables for people, one JSON object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.importance_agreement import STRONGEST, Agreement, ModelAgreement
from tests.benchmarks.importance_cost import BF16, CALIBRATION, LIMIT, MEANS, Costs
from tests.benchmarks.importance_scores import METHODS

FAST = "logit_taylor"
REPORTED = ("f_permutation", FAST, "permutation")


def show_agreement(title: str, models: Sequence[ModelAgreement]) -> None:
    """One row a method, over the models of all seeds."""
    losses = ", ".join(f"{model.held_out_log_loss:.4f}" for model in models)
    table = Table(
        *("method", "Spearman", "halves", "noise ranks", "bottom", f"top {STRONGEST}"),
        title=f"{title}: held-out log-loss {losses}; {models[0].useful} useful fields",
        title_justify="left",
    )
    for name in METHODS:
        found = [model.methods[name] for model in models]
        table.add_row(
            name,
            f"{min(one.spearman for one in found):.4f}",
            f"{mean(one.split_half for one in found):.3f}",
            " ".join(str(rank) for rank in found[0].noise_ranks.values()),
            f"{sum(one.noise_in_bottom for one in found)} of {len(found)}",
            f"{mean(one.strongest_ratio for one in found):.2f}",
        )
    Console().print(table)


def show_strongest(title: str, model: ModelAgreement) -> None:
    """How much of the true loss logit-Taylor predicts for the strongest fields."""
    shares = ", ".join(
        f"{name} {share:.2f}" for name, share in model.methods[FAST].strongest.items()
    )
    Console().print(f"{title}: {FAST} predicts of the true loss: {shares}\n", highlight=False)


def show_legend(model: ModelAgreement) -> None:
    noise = next(iter(model.methods.values())).noise_ranks
    Console().print(
        "Spearman: with true mean-replacement by the same loss, the lowest of the seeds · halves: "
        "between two halves of the examples · noise ranks: from below, first seed · bottom: models "
        "with all noise below every useful field · "
        f"top {STRONGEST}: predicted over true loss of the strongest fields · "
        f"noise: {', '.join(noise)}\n",
        highlight=False,
    )


def show_costs(name: str, fields: int, costs: Costs) -> None:
    table = Table(
        "pass",
        "seconds",
        "× forward + backward",
        "with what comes before",
        title=f"{name}: one pass over the same batches, {fields} fields, one thread",
        title_justify="left",
    )
    for passed in costs.seconds:
        scores = passed not in (LIMIT, MEANS, CALIBRATION)
        table.add_row(
            passed,
            f"{costs.median(passed):.3f}",
            f"{costs.over_limit(passed):.2f}",
            f"{costs.over_limit(passed, MEANS, CALIBRATION):.2f}" if scores else "",
        )
    Console().print(table)
    speedup = f"permutation takes {costs.speedup(FAST, 'permutation'):.1f} {FAST} passes\n"
    Console().print(speedup, highlight=False)


def json_of(agreements: Sequence[ModelAgreement], costs: Costs) -> dict[str, Any]:
    """The lowest and the worst of all models on top, each model by itself beneath."""
    by_method: dict[str, list[Agreement]] = {
        name: [model.methods[name] for model in agreements] for name in REPORTED
    }
    return {
        "spearman": {name: min(a.spearman for a in found) for name, found in by_method.items()},
        "noise_in_bottom": {
            name: all(a.noise_in_bottom for a in found) for name, found in by_method.items()
        },
        "pass_over_limit": costs.over_limit(FAST),
        "pass_over_limit_with_all": costs.over_limit(FAST, MEANS, CALIBRATION),
        "speedup_over_permutation": costs.speedup(FAST, "permutation"),
        "bf16_over_fp32": costs.speedup(FAST, BF16),
        "models": [asdict(model) for model in agreements],
        "cost": {name: costs.median(name) for name in costs.seconds},
    }
