"""What compression costs in quality on real traffic: KuaiRand, day by day.

The baseline is trained day by day through 2022-05-03; that day's model is pruned, finetuned and
quantized as on any other day; both are evaluated on all of 2022-05-04 and 05-05, paired, once a
seed. Every byte of the compressed tables on disk counts: codes, qparams, row ids, Parquet, and the
constants of pruned fields.

    python -m tests.benchmarks.kuairand_quality            three seeds, nine days of training
    python -m tests.benchmarks.kuairand_quality --quick    one seed, the last two of these days
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import mean

from rich.console import Console
from rich.table import Table

from jobs.context import DayContext
from jobs.evaluate import evaluate_holdout
from jobs.prepare import prepare
from jobs.registry import DAY_VERBS
from shark_core.config import PipelineConfig, load_config
from shark_core.lake import Lake
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.schemas import COMPRESSED
from tests.real_traffic import KUAIRAND

CONFIG = Path(__file__).parents[2] / "infra" / "config" / "kuairand.yaml"
LAST_DAY = date(2022, 5, 3)
HOLDOUT_DAYS = (date(2022, 5, 4), date(2022, 5, 5))
COMPRESSION = (
    "score-fields",
    "validate-importance",
    "plan-pruning",
    "prune-fields",
    "assign-tiers",
    "finetune",
    "quantize",
)
JOBS = {verb.name: verb for verb in DAY_VERBS}


@dataclass(frozen=True)
class SeedResult:
    seed: int
    baseline_auc: float
    compressed_auc: float
    auc_difference: float
    standard_error: float
    log_loss_difference: float
    fields_pruned: int
    compression_ratio: float


def training_days(count: int) -> list[date]:
    return [LAST_DAY - timedelta(days=back) for back in reversed(range(count))]


def run_jobs(config: PipelineConfig, day: date, names: Iterable[str]) -> None:
    for name in names:
        JOBS[name].load()(DayContext(config, day, run_id="kuairand_quality"))


def fill_lake(config: PipelineConfig, days: Sequence[date]) -> None:
    """Everything that is the same for all seeds. The held-out days need no priorities."""
    prepare("kuairand", KUAIRAND, Lake(config.lake), None)
    for day in [*days, *HOLDOUT_DAYS]:
        run_jobs(config, day, ["ingest"])
    for day in days:
        run_jobs(config, day, ["count-accesses", "update-priorities"])


def with_seed(config: PipelineConfig, seed: int) -> PipelineConfig:
    training = config.training.model_copy(update={"seed": seed})
    return config.model_copy(update={"training": training})


def measure(config: PipelineConfig, days: Sequence[date]) -> SeedResult:
    for day in days:
        run_jobs(config, day, ["train"])
    run_jobs(config, days[-1], COMPRESSION)
    context = DayContext(config, days[-1], run_id="kuairand_quality")
    figures = evaluate_holdout(context, HOLDOUT_DAYS).figures
    sizes = compressed_sizes(config, context.marker(COMPRESSED))
    kept = {size.field for size in sizes.tiers}
    return SeedResult(
        seed=config.training.seed,
        baseline_auc=figures["baseline_auc"],
        compressed_auc=figures["compressed_auc"],
        auc_difference=figures["auc_difference"],
        standard_error=figures["auc_difference_standard_error"],
        log_loss_difference=figures["log_loss_difference"],
        fields_pruned=len(config.fields) - len(kept),
        compression_ratio=sizes.ratio,
    )


def show(results: Sequence[SeedResult]) -> None:
    columns = ("seed", "baseline", "compressed", "ΔAUC", "± s.e.", "Δlog-loss", "pruned", "×")
    table = Table(*columns)
    for found in results:
        table.add_row(
            str(found.seed),
            f"{found.baseline_auc:.4f}",
            f"{found.compressed_auc:.4f}",
            f"{found.auc_difference:+.4f}",
            f"{found.standard_error:.4f}",
            f"{found.log_loss_difference:+.4f}",
            str(found.fields_pruned),
            f"{found.compression_ratio:.2f}",
        )
    Console().print(table)
    summary = {
        "mean_auc_difference": mean(found.auc_difference for found in results),
        "min_compression_ratio": min(found.compression_ratio for found in results),
        "seeds": [asdict(found) for found in results],
    }
    Console(soft_wrap=True).print(json.dumps(summary), highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, two days of training")
    quick = parser.parse_args().quick
    days = training_days(2 if quick else 9)
    with tempfile.TemporaryDirectory(prefix="kuairand_quality_") as lake:
        config = load_config(CONFIG).model_copy(update={"lake": lake})
        fill_lake(config, days)
        show([measure(with_seed(config, seed), days) for seed in range(1 if quick else 3)])


if __name__ == "__main__":
    main()
