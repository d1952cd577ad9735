"""A lake of six tiny days, and the pipeline configs that read it.

On the sixth day people like what they did not like before: what was learned longest is wrong most.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

FIRST_DAY = date(2026, 1, 1)
DAYS = tuple(FIRST_DAY + timedelta(days=each) for each in range(5))
OTHER_TASTE = FIRST_DAY + timedelta(days=5)
WITHOUT_TRAFFIC = FIRST_DAY + timedelta(days=6)
IMPRESSIONS = 4000

PLANTED = {
    "base_rate": 0.4,
    "fields": [
        {"name": "user_id", "cardinality": 200, "exponent": 0.5, "strength": 0.8},
        {"name": "item_id", "cardinality": 300, "exponent": 0.8, "strength": 0.9},
        {"name": "category", "cardinality": 12, "exponent": 0.5, "strength": 0.9, "text": True},
        {"name": "brand", "cardinality": 30, "exponent": 0.5, "strength": 0.7, "text": True},
        {"name": "noise_flag", "cardinality": 4, "exponent": 0.0},
    ],
    "dense_features": [{"name": "item_age", "strength": 0.2}],
}
FIELDS = [
    {"name": "user_id", "encoding": "identity", "num_embeddings": 200},
    {"name": "item_id", "encoding": "hash", "num_embeddings": 512},
    {"name": "category", "encoding": "vocabulary", "num_embeddings": 16},
    {"name": "noise_flag", "encoding": "identity", "num_embeddings": 4},
]
BRAND = {"name": "brand", "encoding": "hash", "num_embeddings": 64}


def config(lake: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "live",
        "lake": str(lake),
        "label": {"column": "label"},
        "event_time": {"column": "event_time"},
        "embedding_dim": 8,
        "fields": FIELDS,
        "dense_features": [{"name": "item_age"}],
        "model": {"head": "deepfm", "hidden_units": [16]},
        "training": {"batch_size": 256},
        "pruning": {"max_predicted_loss": 0.01, "max_measured_loss": 0.1, "max_fields": 1},
        "tiers": {"policy": "loss_aware", "target_ratio": 3},
        "gates": {
            "max_auc_drop": 0.05,
            "max_log_loss_increase": 0.05,
            "min_compression_ratio": 1.5,
        },
        **changes,
    }


def write_config(path: Path, lake: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump(config(lake, **changes), sort_keys=False), encoding="utf-8")
    return path


def make_traffic(folder: Path, lake: Path) -> None:
    """Traffic of `DAYS` and `OTHER_TASTE`."""
    (folder / "traffic.yaml").write_text(yaml.safe_dump(PLANTED), encoding="utf-8")
    add_traffic(lake, FIRST_DAY, len(DAYS) + 1)
    for file in (lake / f"traffic/ds={OTHER_TASTE}").glob("*.parquet"):
        table = pq.read_table(file)
        index = table.column_names.index("label")
        other = pc.subtract(pa.scalar(1, table["label"].type), table["label"])
        pq.write_table(table.set_column(index, "label", other), file)


def add_traffic(lake: Path, first_day: date, days: int = 1) -> None:
    command = [sys.executable, "-m", "jobs", "generate", "--lake", str(lake), "--seed", "3"]
    command += ["--start-day", str(first_day), "--days", str(days)]
    command += ["--impressions-per-day", str(IMPRESSIONS)]
    command += ["--fields", str(lake.parent / "traffic.yaml")]
    subprocess.run(command, check=True, capture_output=True)
