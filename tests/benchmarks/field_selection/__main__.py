"""How good a model of the best k fields is, by how the fields were ranked.

    data set → rankings ──→ models trained from scratch on the best k ──→ AUC by k → area
               once a seed   each set of fields once a seed               held-out examples

    python -m tests.benchmarks.field_selection            KuaiRand and generated traffic, 3 seeds
    python -m tests.benchmarks.field_selection --quick    generated traffic, 1 seed, 1 k

Rankings: logit_taylor (mean), f_permutation and true permutation (5 donors) of a well-trained and
of an over-fitted model; logit_taylor scored again after each pruning step (loop); gates under an L1
penalty; boosted trees; random. Half of the held-out examples scores, the other half evaluates.
rankings.py says more, curves.py defines the area.

Prints tables; writes results.json, rankings.json and a PNG for each data set into `--out`; the last
line is one JSON object. A full run trains for about 20 minutes on two cores.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from rich.console import Console

from tests.benchmarks.field_selection.experiment import FULL, QUICK, keep_k_curves
from tests.benchmarks.field_selection.plot import plot_curves
from tests.benchmarks.field_selection.summary import document, rankings, show
from tests.benchmarks.planted_traffic import kuairand_lake, planted_lake
from tests.benchmarks.pool import workers
from tests.benchmarks.results_folder import run_into_folder
from tests.benchmarks.trained_model import Dataset
from tests.real_traffic import KUAIRAND


def datasets(root: Path, quick: bool) -> list[Dataset]:
    """Generated traffic, and KuaiRand where a full run finds its files."""
    planted = planted_lake(root / "planted", quick)
    if quick:
        return [planted]
    if not KUAIRAND.is_dir():
        print(f"KuaiRand is left out: its files are not at {KUAIRAND}.")
        return [planted]
    return [planted, kuairand_lake(root / "kuairand")]


def run(quick: bool, out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="field_selection_lake_") as root, workers() as pool:
        found = {
            dataset.name: keep_k_curves(pool, dataset, QUICK if quick else FULL)
            for dataset in datasets(Path(root), quick)
        }
    images = {name: out / f"{name}.png" for name in found}
    for name, path in images.items():
        plot_curves(name, found[name].curves, path)
    results = document(found) | {"png": [str(path) for path in images.values()]}
    (out / "results.json").write_text(json.dumps(results, indent=1))
    (out / "rankings.json").write_text(json.dumps(rankings(found), indent=1))
    show(Console(width=170), found)
    print(json.dumps(results))


if __name__ == "__main__":
    run_into_folder("field_selection", __doc__, "generated traffic, one seed, one k", run)
