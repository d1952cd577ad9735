"""Is a fast score of fields close to the truth, and what does it cost?

The truth is true mean-replacement: the loss with a field's embedding replaced by its mean, the head
run again. On generated traffic with planted fields and on KuaiRand with planted noise, each by a
well-trained model (one epoch) and an over-fitted one (two: held-out loss has risen again).

    python -m tests.benchmarks.importance            both logs, three seeds
    python -m tests.benchmarks.importance --quick    generated traffic, one seed, under 45 seconds

The last line is one JSON object. Its top level is the generated traffic: the lowest Spearman of all
seeds and both models, whether noise is in the bottom (`importance_agreement`) in every one of them,
and the cost of a logit-Taylor pass (`importance_cost`). `datasets` has everything else.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import build_model
from tests.benchmarks.importance_agreement import ModelAgreement
from tests.benchmarks.importance_cost import measure_costs
from tests.benchmarks.importance_scores import all_scores
from tests.benchmarks.importance_tables import (
    json_of,
    show_agreement,
    show_costs,
    show_legend,
    show_strongest,
)
from tests.benchmarks.planted_traffic import kuairand_lake, planted_lake
from tests.benchmarks.trained_model import Dataset, trained_by_epoch
from tests.real_traffic import KUAIRAND

BATCH_SIZE = 4096  # what importance.batch_size is by default
EPOCHS = {1: "well-trained", 2: "over-fitted"}


@dataclass(frozen=True)
class Effort:
    """`cost_batches`: of the scored ones, those that are timed, in `rounds` alternating rounds."""

    seeds: int
    examples: int
    cost_batches: int
    rounds: int
    slow_rounds: int


QUICK = Effort(seeds=1, examples=2 * BATCH_SIZE, cost_batches=1, rounds=9, slow_rounds=1)
FULL = Effort(seeds=3, examples=8 * BATCH_SIZE, cost_batches=4, rounds=9, slow_rounds=3)


def measure(dataset: Dataset, effort: Effort) -> dict[str, Any]:
    """Show what is found, and give it as JSON."""
    batches = dataset.held_out_batches(BATCH_SIZE, effort.examples)
    agreements = list(_agreements(dataset, batches, effort.seeds))
    untrained = build_model(dataset.config).to(batches[0].label.device)  # costs the same
    costs = measure_costs(
        untrained, batches[: effort.cost_batches], effort.rounds, effort.slow_rounds
    )
    for epochs, quality in EPOCHS.items():
        of_models = [found for found in agreements if found.epochs == epochs]
        show_agreement(f"{dataset.name}, {quality}", of_models)
        show_strongest(f"{dataset.name}, {quality}", of_models[0])
    show_legend(agreements[0])
    show_costs(dataset.name, len(dataset.fields), costs)
    return json_of(agreements, costs)


def _agreements(dataset: Dataset, batches: Sequence[Batch], seeds: int) -> Iterator[ModelAgreement]:
    for seed in range(seeds):
        models = trained_by_epoch(dataset, dataset.fields, seed)
        for epochs, found in zip(EPOCHS, models, strict=False):
            scores = all_scores(found.model, batches)
            yield ModelAgreement.of(dataset, found.model, seed, epochs, scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="generated traffic only, one seed")
    quick = parser.parse_args().quick
    effort = QUICK if quick else FULL
    found = {}
    with tempfile.TemporaryDirectory(prefix="importance_") as folder:
        root = Path(folder)
        found["planted"] = measure(planted_lake(root / "planted", quick), effort)
        if quick:
            print("KuaiRand is left out: its lake alone takes half a minute.")
        elif not KUAIRAND.is_dir():
            print(f"KuaiRand is left out: its files are not at {KUAIRAND}.")
        else:
            found["kuairand"] = measure(kuairand_lake(root / "kuairand"), effort)
    top = {key: value for key, value in found["planted"].items() if key not in ("models", "cost")}
    print(json.dumps({**top, "datasets": found}))


if __name__ == "__main__":
    main()
