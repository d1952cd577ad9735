"""Spark tasks that turn splits of traffic into examples and quarantined records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shark_core.config import PipelineConfig
from shark_core.interval import Interval
from shark_core.lake import FileEntry, Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import QUARANTINE_SCHEMA, examples_schema
from shark_core.traffic.columns import columns_read
from shark_core.traffic.encoding import FieldEncoder
from shark_core.traffic.example_batches import example_batch
from shark_core.traffic.parts import write_part
from shark_core.traffic.quarantine import quarantine_batch
from shark_core.traffic.traffic_files import Split, read_split
from shark_core.traffic.validation import count_reasons, find_reasons
from shark_core.traffic.vocabulary_store import Paths, encoder_with


@dataclass(frozen=True)
class IngestPlan:
    """What every split of a day needs. `vocabularies`: the files of each field that has one."""

    lake: Lake
    config: PipelineConfig
    interval: Interval
    examples: AttemptFiles
    quarantine: AttemptFiles
    vocabularies: dict[str, Paths]

    def encoders(self) -> dict[str, FieldEncoder]:
        return {
            field.name: encoder_with(self.lake, field, self.vocabularies)
            for field in self.config.fields
        }


@dataclass(frozen=True)
class SplitOutcome:
    """The files of one split (none where it has no such record) and its figures."""

    examples: FileEntry | None
    quarantine: FileEntry | None
    positives: int
    quarantined: dict[str, int]


def ingest_split(plan: IngestPlan, split: Split) -> SplitOutcome:
    """Validate, encode and write one split, a batch at a time."""
    reading = _SplitReading(plan, split)
    name = f"part-{split.number:05d}.parquet"
    examples = write_part(
        plan.examples, name, examples_schema(plan.config), reading.example_batches()
    )
    quarantine = write_part(plan.quarantine, name, QUARANTINE_SCHEMA, iter(reading.refused))
    return SplitOutcome(examples, quarantine, reading.positives, dict(reading.reasons))


class _SplitReading:
    """One reading of a split: examples stream out, the few refused records are kept."""

    def __init__(self, plan: IngestPlan, split: Split) -> None:
        self.plan = plan
        self.split = split
        self.refused: list[pa.RecordBatch] = []
        self.reasons: Counter[str] = Counter()
        self.positives = 0

    def example_batches(self) -> Iterator[pa.RecordBatch]:
        config, encoders = self.plan.config, self.plan.encoders()
        for first_row, batch in read_split(self.plan.lake, self.split, columns_read(config)):
            codes = find_reasons(batch, config, self.plan.interval)
            self._refuse(batch, codes, first_row)
            examples = example_batch(batch.filter(pa.array(codes == 0)), config, encoders)
            self.positives += int(np.count_nonzero(examples["label"]))
            if examples.num_rows:
                yield examples

    def _refuse(self, batch: pa.RecordBatch, codes: np.ndarray, first_row: int) -> None:
        if codes.any():
            self.refused.append(quarantine_batch(batch, codes, self.split.path, first_row))
            self.reasons.update(count_reasons(codes))
