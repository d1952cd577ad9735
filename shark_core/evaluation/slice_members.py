"""Which of the judged examples are in which slice: read from the lake, in the order of `predict`.

the day's held-out examples ─ what they added ─┐
row_priority/ds=…/field=… ────────────────────┴→ new and rare rows ─┐
the judged examples' row ids ───────────────────────────────────────┴→ Members
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow.compute as pc

from shark_core.access.dense_priorities import load_priority
from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.evaluation.row_standing import RowStanding, add_accesses
from shark_core.evaluation.slices import (
    NEW_ROWS,
    RARE_ROWS,
    Members,
    by_value,
    most_read,
    reads_any,
)
from shark_core.lake import Lake
from shark_core.traffic.examples import ExampleBatch, ExampleReader, FieldIds
from shark_core.traffic.slices import Slice, SlicePart, holdout_cut
from shark_core.traffic.vocabulary_store import vocabulary_until

READ_EXAMPLES = 65_536


@dataclass(frozen=True)
class SliceReader:
    """The slices of the models of `day`; `fields` are those that the compressed one has.

    Takes 10 bytes a row of their tables at most, and a byte an example and slice.
    """

    lake: Lake
    config: PipelineConfig
    day: date
    fields: Sequence[str]

    def members(self, judged: Slice) -> tuple[Members, ...]:
        """New rows, rare rows, then the values of `evaluation.slice_field`, if there is one."""
        return (*self._by_standing(judged), *self._by_value(judged))

    def _by_standing(self, judged: Slice) -> tuple[Members, ...]:
        standings = self._standings()
        new, rare = [], []
        for batch in self._batches(judged, self.fields):
            new.append(_read_in_any_field(batch, {f: s.new for f, s in standings.items()}))
            rare.append(_read_in_any_field(batch, {f: s.rare for f, s in standings.items()}))
        return Members(NEW_ROWS, np.concatenate(new)), Members(RARE_ROWS, np.concatenate(rare))

    def _standings(self) -> dict[str, RowStanding]:
        held_out, share = self._held_out_accesses(), self.config.evaluation.rare_share
        return {
            name: RowStanding.of(
                load_priority(self.lake, self.config, name, self.day), held_out.pop(name), share
            )
            for name in self.fields
        }

    def _held_out_accesses(self) -> dict[str, np.ndarray]:
        """What the day's held-out examples added to the priorities of each field's rows."""
        cut = holdout_cut(self.lake, self.config, self.day)
        held_out = Slice("held-out", (SlicePart(self.day, start=cut),))
        added = {name: np.zeros(self.config.field(name).num_embeddings) for name in self.fields}
        for batch in self._batches(held_out, self.fields):
            for name, priority in added.items():
                add_accesses(priority, batch.label, batch.ids[name], self.config.priority)
        return added

    def _by_value(self, judged: Slice) -> tuple[Members, ...]:
        name = self.config.evaluation.slice_field
        if name is None:
            return ()
        ids = _joined([batch.ids[name] for batch in self._batches(judged, [name])])
        rows = most_read(ids, self.config.evaluation.slice_values).tolist()
        names = value_names(self.lake, self.config.field(name), self.day, rows)
        return by_value(ids, names, others=f"{name}: other values")

    def _batches(self, wanted: Slice, fields: Sequence[str]) -> Iterator[ExampleBatch]:
        reader = ExampleReader(self.lake, self.config, wanted, fields=fields)
        return reader.batches(READ_EXAMPLES)


def value_names(lake: Lake, field: Field, day: date, rows: Sequence[int]) -> dict[int, str]:
    """Row id → what people call it, in the order given: `tab=4`, `device='phone'`.

    An identity field's row is its value, a vocabulary gives its rows' values; from a hash there is
    no way back: `author_id row 17`. Row 0 of these two is that of missing and unknown values.
    """
    if field.encoding == "identity":
        return {row: f"{field.name}={row}" for row in rows}
    values = _vocabulary_values(lake, field, day, rows) if field.encoding == "vocabulary" else {}
    known = {row: f"{field.name}={value!r}" for row, value in values.items()}
    known[0] = f"{field.name}: missing or unknown value"
    return {row: known.get(row, f"{field.name} row {row}") for row in rows}


def _vocabulary_values(lake: Lake, field: Field, day: date, rows: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for marker in vocabulary_until(lake, field.name, day).values():
        for entry in marker.files:
            table = lake.read_parquet(entry.path, filters=pc.field("row_id").isin(list(rows)))
            found |= dict(zip(table["row_id"].to_pylist(), table["value"].to_pylist(), strict=True))
    return found


def _read_in_any_field(batch: ExampleBatch, marked: dict[str, np.ndarray]) -> np.ndarray:
    """Which examples read a marked row (R,) of any field: (B,) bool."""
    read = np.zeros(len(batch), dtype=np.bool_)
    for name, rows in marked.items():
        read |= reads_any(batch.ids[name], rows[batch.ids[name].values])
    return read


def _joined(parts: Sequence[FieldIds]) -> FieldIds:
    """The row ids of batches that follow one another, as those of one."""
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return FieldIds(
        values=np.concatenate([part.values for part in parts]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
    )
