"""Every dataset: its Arrow schema, its partition keys, its one writer and what a row means."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field

ROW_ID = pa.int64()


@dataclass(frozen=True)
class Dataset:
    """`name` is the folder under the lake; a partition is `name/key=value/…`."""

    name: str
    keys: tuple[str, ...]
    writer: str
    meaning: str

    @property
    def job(self) -> str:
        """The verb to run where a partition is missing."""
        return self.writer.split(",")[0]


TRAFFIC = Dataset("traffic", ("ds",), "generate, prepare, or the user", "logged impressions")
TRAFFIC_TRUTH = Dataset("traffic_truth", ("ds",), "generate", "what was planted in the traffic")
EXAMPLES = Dataset(
    "examples",
    ("ds",),
    "ingest, or backfill-examples on a branch for days before a field",
    "one row per valid impression, values as row ids",
)
QUARANTINE = Dataset("quarantine", ("ds",), "ingest", "refused impressions, with reasons")
VOCABULARY = Dataset("vocabulary", ("ds", "field"), "ingest", "values admitted that day")
PENDING_VALUES = Dataset("pending_values", ("ds", "field"), "ingest", "values not admitted yet")
ACCESS_COUNTS = Dataset(
    "access_counts",
    ("ds", "field"),
    "count-accesses, or backfill-counts for days before the field",
    "label-aware accesses",
)
ROW_PRIORITY = Dataset("row_priority", ("ds", "field"), "update-priorities", "decayed priorities")
CHECKPOINT = Dataset("checkpoint", ("ds", "stage"), "train, finetune", "weights, no pickle")
IMPORTANCE = Dataset("importance", ("ds",), "score-fields", "one score per field")
AGREEMENT = Dataset("agreement", ("ds",), "validate-importance", "scores against the truth")
PLAN = Dataset("plan", ("ds",), "plan-pruning", "fields to keep and to prune, with reasons")
PRUNING_STEP = Dataset("pruning_step", ("ds", "step"), "prune-fields", "one step, measured")
PRUNING = Dataset("pruning", ("ds",), "prune-fields", "fields pruned, by which measured steps")
ROW_TIERS = Dataset("row_tiers", ("ds",), "assign-tiers", "the tier of each row of kept fields")
COMPRESSED = Dataset("compressed", ("ds",), "quantize", "mixed-precision tables and the dense part")
EVALUATION = Dataset("evaluation", ("ds",), "evaluate", "compressed against baseline, and gates")
PUBLICATION = Dataset("publication", ("ds",), "publish", "which snapshot the day became")
REPORT = Dataset("report", ("ds",), "report", "one HTML page and report.json")

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("source_file", pa.string(), nullable=False),
        pa.field("source_row", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("record", pa.string(), nullable=False),  # the record as JSON, columns read only
    ]
)
VOCABULARY_SCHEMA = pa.schema(
    [pa.field("value", pa.string(), nullable=False), pa.field("row_id", ROW_ID, nullable=False)]
)
PENDING_VALUES_SCHEMA = pa.schema(
    [pa.field("value", pa.string(), nullable=False), pa.field("count", pa.int64(), nullable=False)]
)
ACCESS_COUNTS_SCHEMA = pa.schema(
    [
        pa.field("row_id", ROW_ID, nullable=False),
        pa.field("positives", pa.int64(), nullable=False),
        pa.field("negatives", pa.int64(), nullable=False),
    ]
)
ROW_PRIORITY_SCHEMA = pa.schema(
    [
        pa.field("row_id", ROW_ID, nullable=False),
        pa.field("priority", pa.float64(), nullable=False),
    ]
)
ROW_TIERS_SCHEMA = pa.schema([pa.field("tier", pa.uint8(), nullable=False)])  # in row ids' order

EVENT_TIME = pa.timestamp("us", tz="UTC")


def field_column(field_name: str) -> str:
    """The examples column with a field's row id, or list of row ids."""
    return f"field_{field_name}"


def dense_column(feature_name: str) -> str:
    """The examples column with a dense feature, transformed, never null or NaN."""
    return f"dense_{feature_name}"


def field_type(field: Field) -> pa.DataType:
    item = pa.int32()  # num_embeddings is below 2**28
    return pa.list_(pa.field("item", item, nullable=False)) if field.multi_valued else item


def examples_schema(config: PipelineConfig) -> pa.Schema:
    """`label`, `event_time`, `dense_<name>` (float32) each, `field_<name>` (int32 or list) each."""
    columns = [
        pa.field("label", pa.int8(), nullable=False),
        pa.field("event_time", EVENT_TIME, nullable=False),
    ]
    columns += [
        pa.field(dense_column(dense.name), pa.float32(), nullable=False)
        for dense in config.dense_features
    ]
    columns += [
        pa.field(field_column(field.name), field_type(field), nullable=False)
        for field in config.fields
    ]
    return pa.schema(columns)
