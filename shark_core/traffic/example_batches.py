"""Valid records of traffic → examples: one Arrow batch in, one out."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from shark_core.config import PipelineConfig
from shark_core.schemas import EVENT_TIME, examples_schema
from shark_core.traffic.columns import plain
from shark_core.traffic.encoding import FieldEncoder
from shark_core.traffic.numbers import as_floats, dense_values, event_microseconds


def example_batch(
    batch: pa.RecordBatch, config: PipelineConfig, encoders: Mapping[str, FieldEncoder]
) -> pa.RecordBatch:
    """Columns of `examples_schema(config)` for records without a reason against them."""
    time = event_microseconds(plain(batch.column(config.event_time.column)), config.event_time)
    label = as_floats(plain(batch.column(config.label.column)), fill=0.0)
    arrays = [
        pa.array(label.astype("int8")),
        pa.array(time).cast(EVENT_TIME),
        *(
            pa.array(dense_values(plain(batch.column(feature.column)), feature))
            for feature in config.dense_features
        ),
        *(encoders[field.name].encode(batch.column(field.column)) for field in config.fields),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=examples_schema(config))
