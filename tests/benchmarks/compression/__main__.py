"""Compression against quality: bytes, ratio, ΔAUC and Δlog-loss of every configuration.

    python -m tests.benchmarks.compression            three data sets, 3 seeds
    python -m tests.benchmarks.compression --quick    generated traffic, 1 seed, few ratios

Data sets: generated traffic, KuaiRand, and KuaiRand with three planted fields of noise. Each
configuration (contenders.py) is judged post-training and after finetuning, against the baseline
that got the same training (experiment.py). Ratios count everything that is held in memory: packed
rows, qparams, table params, row maps, constants of pruned fields.

Prints tables; writes results.json and a PNG of the frontier for each data set into `--out`; the
last line is one JSON object.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from tests.benchmarks.compression.contenders import FULL, QUICK
from tests.benchmarks.compression.experiment import Measured, measure
from tests.benchmarks.compression.plot import plot_frontier
from tests.benchmarks.compression.summary import document, rows, show
from tests.benchmarks.planted_traffic import kuairand_lake, planted_lake
from tests.benchmarks.pool import results_of, workers
from tests.benchmarks.results_folder import run_into_folder
from tests.benchmarks.trained_model import Dataset


def datasets(root: Path, quick: bool) -> list[Dataset]:
    planted = planted_lake(root / "planted", quick)
    if quick:
        return [planted]
    noisy = kuairand_lake(root / "kuairand")
    return [planted, without_noise(noisy), replace(noisy, name="kuairand_noise")]


def without_noise(noisy: Dataset) -> Dataset:
    fields = tuple(f for f in noisy.config.fields if f.name not in noisy.noise_fields)
    config = noisy.config.model_copy(update={"fields": fields})
    return replace(noisy, config=config, noise_fields=())


def run(quick: bool, out: Path) -> None:
    size = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="compression_lake_") as root, workers() as pool:
        found = datasets(Path(root), quick)
        jobs = {
            (dataset.name, seed): partial(measure, dataset, seed, size)
            for seed in range(size.seeds)
            for dataset in found
        }
        results = results_of(pool, "models compressed", jobs)
    measured: dict[str, list[Measured]] = {}
    for (name, _), of_seed in results.items():
        measured.setdefault(name, []).extend(of_seed)
    _report(measured, out)


def _report(measured: dict[str, list[Measured]], out: Path) -> None:
    found = rows(measured)
    for name in measured:
        plot_frontier(name, [row for row in found if row.dataset == name], out / f"{name}.png")
    results = document(found) | {"png": [str(out / f"{name}.png") for name in measured]}
    (out / "results.json").write_text(json.dumps(results, indent=1))
    show(Console(width=120), found)
    print(json.dumps(results))


if __name__ == "__main__":
    run_into_folder("compression", __doc__, "generated traffic, one seed", run)
