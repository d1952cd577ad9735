"""Lakes of examples with planted fields, for the benchmarks of field importance.

    planted    generated traffic, all of it known (planted_traffic.yaml): informative fields of
               several strengths, lists, copies, noise
    kuairand   a real log, and three fields of noise beside the real ones

Both go through the real jobs: traffic, then ingest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.context import DayContext
from jobs.generate import Amount, generate
from jobs.ingest import ingest
from jobs.prepare import prepare
from shark_core.config import PipelineConfig, load_config, load_section, parse_config
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import TRAFFIC
from shark_core.traffic.synthetic.spec import PlantedField, TrafficSpec
from tests.benchmarks.trained_model import Dataset
from tests.real_traffic import KUAIRAND

SPEC = Path(__file__).with_suffix(".yaml")
KUAIRAND_CONFIG = Path(__file__).parents[2] / "infra" / "config" / "kuairand.yaml"
FIRST_DAY = date(2026, 1, 1)
PLANTED_SEED = 11
KUAIRAND_NOISE = {"noise_4": 4, "noise_1000": 1000, "noise_20000": 20_000}  # values
KUAIRAND_DAYS = tuple(date(2022, 4, 25) + timedelta(days=number) for number in range(11))
KUAIRAND_HELD_OUT = 3  # the last days


def planted_lake(root: Path, quick: bool) -> Dataset:
    """`quick`: two days of 30,000 impressions and one held out; else four of 60,000 and two."""
    training, held_out, impressions = (2, 1, 30_000) if quick else (4, 2, 60_000)
    spec = load_section(SPEC, TrafficSpec)
    config = _planted_config(spec, root)
    days = [FIRST_DAY + timedelta(days=number) for number in range(training + held_out)]
    generate(Lake(config.lake), Amount(FIRST_DAY, len(days), impressions, PLANTED_SEED), SPEC)
    _ingest(config, days)
    return Dataset(
        name="planted",
        config=config,
        training_days=tuple(days[:training]),
        held_out_days=tuple(days[training:]),
        noise_fields=tuple(field.name for field in spec.fields if field.role == "noise"),
        copies={copy.name: copy.copies for copy in spec.copies},
        informative=tuple(field.name for field in spec.planted if field.role != "noise"),
    )


def kuairand_lake(root: Path) -> Dataset:
    """The fields of infra/config/kuairand.yaml and the noise. Needs the files of the log."""
    raw = Lake(str(root / "raw"))
    prepare("kuairand", KUAIRAND, raw)
    config = load_config(KUAIRAND_CONFIG)
    document = config.model_dump(mode="json") | {"lake": str(root / "lake")}
    document["fields"] += [
        {"name": name, "encoding": "identity", "num_embeddings": values}
        for name, values in KUAIRAND_NOISE.items()
    ]
    config = parse_config(document, where="benchmark")
    for day in KUAIRAND_DAYS:
        _add_noise(raw, Lake(config.lake), day)
    _ingest(config, KUAIRAND_DAYS)
    return Dataset(
        name="kuairand",
        config=config,
        training_days=KUAIRAND_DAYS[:-KUAIRAND_HELD_OUT],
        held_out_days=KUAIRAND_DAYS[-KUAIRAND_HELD_OUT:],
        noise_fields=tuple(KUAIRAND_NOISE),
    )


def _planted_config(spec: TrafficSpec, root: Path) -> PipelineConfig:
    by_name = {field.name: field for field in spec.fields}
    copied = {copy.name: by_name[copy.copies] for copy in spec.copies}
    document: dict[str, Any] = {
        "name": "planted",
        "lake": str(root / "lake"),
        "label": {"column": "label"},
        "event_time": {"column": "event_time"},
        "fields": [_field(name, source) for name, source in {**by_name, **copied}.items()],
        "model": {"head": "deepfm", "hidden_units": [64, 32]},
        "training": {"batch_size": 512},
        "tiers": {"int8_below": 10, "fp16_below": 100},
    }
    return parse_config(document, where="benchmark")


def _field(name: str, planted: PlantedField) -> dict[str, Any]:
    """Texts get a row of a vocabulary; integers are row ids."""
    encoding = "vocabulary" if planted.text else "identity"
    pooling = "mean" if planted.multi_valued else "none"
    rows = planted.cardinality + planted.text
    return {"name": name, "encoding": encoding, "num_embeddings": rows, "pooling": pooling}


def _add_noise(raw: Lake, lake: Lake, day: date) -> None:
    """A day's traffic with a column for each field of noise, the same at every run."""
    run = RunStamp("0" * 16, "benchmark")
    random = np.random.default_rng(day.toordinal())
    with PartitionWriter(lake, partition(TRAFFIC, day), run) as writer:
        for number, entry in enumerate(raw.marker(partition(TRAFFIC, day)).files):
            table = raw.read_parquet(entry.path)
            for name, values in KUAIRAND_NOISE.items():
                ids = random.integers(0, values, table.num_rows)
                table = table.append_column(name, pa.array(ids))
            writer.write_table(f"part-{number:05}.parquet", table)
        writer.commit({})


def _ingest(config: PipelineConfig, days: Sequence[date]) -> None:
    for day in days:
        ingest(DayContext(config, day, run_id="benchmark"))
