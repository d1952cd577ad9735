"""A finetuned day on a small lake without Spark, and what tests ask of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from typer.testing import CliRunner
from yaml import safe_dump

from jobs.cli import app
from jobs.context import DayContext
from jobs.evaluate import evaluate
from jobs.publish import publish
from jobs.quantize import quantize
from shark_core.config import PipelineConfig
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.publish.catalog import Catalog
from shark_core.publish.lake_store import store_for
from shark_core.schemas import (
    EXAMPLES,
    ROW_PRIORITY,
    ROW_PRIORITY_SCHEMA,
)
from tests.example_lake import DAY, STAMP

PRUNE_ONE = {
    "max_predicted_loss": 10.0,
    "max_measured_loss": 10.0,
    "max_fields": 1,
    "approval": "automatic",
}
EASY_GATES = {"max_auc_drop": 1.0, "max_log_loss_increase": 1.0, "min_compression_ratio": 0.0}
MADE_LATER = ("compressed", "evaluation", "publication", "report")
FAILING_GATES = {"min_compression_ratio": 1000.0}


def write_priorities(config: PipelineConfig) -> None:
    for field in config.fields:
        priority = np.random.default_rng(4).exponential(3.0, field.num_embeddings)
        rows = pa.table([np.arange(field.num_embeddings), priority], schema=ROW_PRIORITY_SCHEMA)
        target = partition(ROW_PRIORITY, DAY, field=field.name)
        with PartitionWriter(Lake(config.lake), target, STAMP) as writer:
            writer.write_table("part-00000.parquet", rows)
            writer.commit({})


def write_examples_facts(config: PipelineConfig) -> None:
    """The facts that ingest leaves beside the examples."""
    lake, target = Lake(config.lake), partition(EXAMPLES, DAY)
    marker = lake.marker(target)
    facts = {"records": 502, "examples": 500, "positives": 250, "quarantined": {"label": 2}}
    path = Path(lake.absolute(f"{target.path}/_marker.json"))
    path.write_text(replace(marker, facts=facts).to_json())


def run_to_publish(context: DayContext) -> None:
    for job in (quantize, evaluate, publish):
        job(context)


def next_day(context: DayContext) -> DayContext:
    """The day after, with everything that the day's jobs left up to finetune, unchanged."""
    day, lake = context.day + timedelta(days=1), Path(context.config.lake)
    before, after = f"ds={context.day}", f"ds={day}"
    for folder in sorted(lake.rglob(before)):
        target = Path(str(folder).replace(before, after))
        if folder.relative_to(lake).parts[0] in MADE_LATER:
            continue
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        for marker in target.rglob("_marker.json"):
            marker.write_text(marker.read_text().replace(before, after))
    return replace(context, day=day)


def catalog_of(context: DayContext) -> Catalog:
    return Catalog(store_for(context.config), context.config.name)


def head(context: DayContext, ref: str) -> str | None:
    found = catalog_of(context).head(ref)
    return found.snapshot_id if found else None


def run_command(context: DayContext, *arguments: str) -> dict[str, Any]:
    """What `python -m jobs …` prints as JSON."""
    config = Path(context.config.lake) / "config.yaml"
    config.write_text(safe_dump(context.config.model_dump(mode="json", exclude_none=True)))
    command = [*arguments, "--config", str(config), "--json"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document
