"""One day of synthetic traffic: its rows in chunks, and the truth about them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from shark_core.schemas import EVENT_TIME
from shark_core.traffic.event_times import spread_over_day
from shark_core.traffic.synthetic.columns import (
    Column,
    DenseColumn,
    field_column,
    random_stream,
)
from shark_core.traffic.synthetic.spec import TrafficSpec
from shark_core.traffic.synthetic.truth import TruthCounter, sigmoid

CHUNK_ROWS = 131_072


class SyntheticDay:
    """`impressions` rows of the `day_number`-th day (from 0), event times spread evenly over `day`.

    A function of (spec, seed, day_number, impressions): ids drift with `day_number`.
    """

    def __init__(
        self, spec: TrafficSpec, seed: int, day: date, day_number: int, impressions: int
    ) -> None:
        self.spec = spec
        self.impressions = impressions
        self._day = day
        self._identity = {"seed": seed, "day": day.isoformat(), "day_number": day_number}
        self._columns: dict[str, Column] = {
            **{field.name: field_column(field, seed, day_number) for field in spec.fields},
            **{dense.name: DenseColumn(dense, seed, day_number) for dense in spec.dense_features},
        }
        self._labels = random_stream(seed, day_number, "label", "uniform")
        self._truth = TruthCounter(tuple(self._columns))

    @property
    def schema(self) -> pa.Schema:
        types = {name: column.type for name, column in self._columns.items()}
        types |= {copy.name: types[copy.copies] for copy in self.spec.copies}
        return pa.schema({"label": pa.int8(), "event_time": EVENT_TIME, **types})

    def batches(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pa.RecordBatch]:
        """All rows, once; `truth` is complete when this is exhausted."""
        for first in range(0, self.impressions, chunk_rows):
            yield self._chunk(first, min(chunk_rows, self.impressions - first))

    def _chunk(self, first: int, count: int) -> pa.RecordBatch:
        drawn = {name: column.draw(count) for name, column in self._columns.items()}
        effects = {name: column.effect for name, column in drawn.items()}
        logit = np.full(count, self.spec.bias)  # (count,)
        for effect in effects.values():
            logit += effect
        label = (self._labels.random(count) < sigmoid(logit)).astype(np.int8)  # (count,)
        self._truth.add(logit, label, effects)
        values = {name: column.values for name, column in drawn.items()}
        values |= {copy.name: values[copy.copies] for copy in self.spec.copies}
        event_time = spread_over_day(self._day, first, count, self.impressions)
        columns = [pa.array(label), event_time, *values.values()]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def truth(self) -> dict[str, Any]:
        """What was planted and what follows from it, as written to `truth.json`."""
        measured = self._truth.importances()
        nothing_of_its_own = {"deviation": 0.0, "importance": 0.0}
        features = {
            feature.name: {
                "role": feature.role,
                "strength": feature.strength,
                **measured.get(feature.name, nothing_of_its_own),
            }
            for feature in self.spec.planted
        }
        spec = self.spec.model_dump(mode="json")
        return {**self._identity, **self._truth.figures(), "features": features, "spec": spec}
