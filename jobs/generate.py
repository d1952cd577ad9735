"""Synthetic traffic with planted structure → `traffic/ds=…`; the truth → `traffic_truth/ds=…`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from jobs.context import JobResult
from shark_core.config import load_section
from shark_core.lake import Lake, Marker, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import TRAFFIC, TRAFFIC_TRUTH
from shark_core.traffic.parts import write_parts
from shark_core.traffic.synthetic.day import SyntheticDay
from shark_core.traffic.synthetic.spec import TrafficSpec
from shark_core.version import code_version

DEMO_FIELDS = Path(__file__).parents[1] / "infra" / "traffic" / "demo.yaml"


@dataclass(frozen=True)
class Amount:
    """`days` days from `start_day` on, each of `impressions_per_day` impressions, from `seed`."""

    start_day: date
    days: int
    impressions_per_day: int
    seed: int


def generate(lake: Lake, amount: Amount, fields: Path = DEMO_FIELDS) -> JobResult:
    """Write one traffic partition and one truth partition a day.

    Day k depends on the spec, the seed and k only: asking for more days changes none of the first.
    """
    spec = load_section(fields, TrafficSpec)
    arguments = f"{spec.model_dump_json()} {asdict(amount)}"
    run = RunStamp(hashlib.sha256(arguments.encode()).hexdigest()[:16], code_version())
    truths = {}
    total = amount.days * amount.impressions_per_day
    with tqdm(total=total, unit=" impressions", disable=None) as progress:
        for number in range(amount.days):
            day = amount.start_day + timedelta(days=number)
            progress.set_description(f"traffic of {day}")
            synthetic = SyntheticDay(spec, amount.seed, day, number, amount.impressions_per_day)
            marker = _write_traffic(synthetic, lake, day, run, progress)
            truths[day] = synthetic.truth()
            _write_truth(truths[day], marker, lake, day, run)
    return _result(lake, amount, truths)


def _write_traffic(
    synthetic: SyntheticDay, lake: Lake, day: date, run: RunStamp, progress: tqdm
) -> Marker:
    with PartitionWriter(lake, partition(TRAFFIC, day), run) as writer:
        write_parts(writer, synthetic.schema, _shown(synthetic.batches(), progress))
        return writer.commit(inputs={})


def _shown(batches: Iterator[pa.RecordBatch], progress: tqdm) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch
        progress.update(batch.num_rows)


def _write_truth(
    truth: dict[str, Any], traffic: Marker, lake: Lake, day: date, run: RunStamp
) -> None:
    with PartitionWriter(lake, partition(TRAFFIC_TRUTH, day), run) as writer:
        writer.write_bytes("truth.json", json.dumps(truth, indent=1).encode())
        writer.commit(inputs={"traffic": traffic.fingerprint})


def _result(lake: Lake, amount: Amount, truths: dict[date, dict[str, Any]]) -> JobResult:
    return JobResult(
        f"{amount.impressions_per_day:,} impressions on each of {amount.days} days "
        f"→ {lake.location('traffic')}",
        {
            "positives": {str(day): truth["positives"] for day, truth in truths.items()},
            "bayes_auc": {str(day): truth["bayes_auc"] for day, truth in truths.items()},
            "bayes_log_loss": {str(day): truth["bayes_log_loss"] for day, truth in truths.items()},
        },
    )
