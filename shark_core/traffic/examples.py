"""Examples as batches of arrays, streamed from the lake: never a whole day in memory.

reader = ExampleReader(lake, config, training_slice(lake, config, day))
for batch in reader.batches(1024, shuffle_rows=262_144, seed=7):
    batch.label                      # (B,) float32
    batch.dense                      # (B, F) float32
    batch.ids["tag"]                 # row ids of B examples, jagged:

examples      [4, 9]   []   [2]
values        4 9 2                  (N,) int64
offsets       0 2 2 3                (B + 1,) int64; a single-valued field has 0 1 2 … B
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.schemas import EXAMPLES, dense_column, examples_schema, field_column
from shark_core.traffic.example_columns import check_columns, check_not_null
from shark_core.traffic.slices import Slice, SlicePart, event_microseconds

READ_ROWS = 65_536


@dataclass(frozen=True)
class FieldIds:
    """A field's row ids: example i has `values[offsets[i]:offsets[i + 1]]`."""

    values: np.ndarray  # (N,) int64
    offsets: np.ndarray  # (B + 1,) int64


@dataclass(frozen=True)
class ExampleBatch:
    label: np.ndarray  # (B,) float32
    dense: np.ndarray  # (B, F) float32
    ids: dict[str, FieldIds]

    def __len__(self) -> int:
        return len(self.label)


class ExampleReader:
    """Reads one slice. `fields` limits what is read to the fields that a model still has.

    Rows come in the order of days, files and rows; `max_examples` keeps the first so many.
    """

    def __init__(
        self,
        lake: Lake,
        config: PipelineConfig,
        wanted: Slice,
        fields: Sequence[str] | None = None,
        max_examples: int | None = None,
    ) -> None:
        self.lake = lake
        self.slice = wanted
        self.max_examples = max_examples
        self.fields = [f for f in config.fields if fields is None or f.name in set(fields)]
        self.dense = [dense_column(dense.name) for dense in config.dense_features]
        names = ["label", *self.dense, *(field_column(field.name) for field in self.fields)]
        schema = examples_schema(config)
        self.schema = pa.schema([schema.field(name) for name in names])

    def batches(
        self, batch_size: int, shuffle_rows: int = 0, seed: int = 0
    ) -> Iterator[ExampleBatch]:
        """Batches of exactly `batch_size` examples, across files; the last may be smaller.

        `shuffle_rows` > 0 permutes runs of that many rows: the same seed gives the same order.
        Raises `DataError` where the slice has no example or a file breaks the examples contract.
        """
        tables = self._tables()
        if shuffle_rows:
            tables = _shuffled(tables, shuffle_rows, seed)
        seen = 0
        for table in _regrouped(tables, batch_size):
            seen += table.num_rows
            yield self._batch(table)
        if not seen:
            raise self._empty()

    def _tables(self) -> Iterator[pa.Table]:
        """The slice's rows, in order, at most `max_examples`."""
        left = self.max_examples
        for part in self.slice.parts:
            for table in self._part_tables(part):
                if left is not None:
                    table = table.slice(0, left)
                    left -= table.num_rows
                if table.num_rows:
                    yield table
                if left == 0:
                    return

    def _part_tables(self, part: SlicePart) -> Iterator[pa.Table]:
        position = 0
        for entry in self.lake.marker(partition(EXAMPLES, part.day)).files:
            for table in self._file_tables(entry.path):
                times = event_microseconds(table["event_time"])
                mask, position = part.mask(times, position)
                yield table.select(self.schema.names).filter(pa.array(mask)).cast(self.schema)

    def _file_tables(self, path: str) -> Iterator[pa.Table]:
        columns = ["event_time", *self.schema.names]
        with (
            self.lake.reading(path),
            self.lake.filesystem.open_input_file(self.lake.absolute(path)) as source,
        ):
            file = pq.ParquetFile(source)
            check_columns(file.schema_arrow, self.schema, self.lake.location(path))
            for batch in file.iter_batches(batch_size=READ_ROWS, columns=columns):
                table = pa.Table.from_batches([batch])
                check_not_null(table, self.lake.location(path))
                yield table

    def _batch(self, table: pa.Table) -> ExampleBatch:
        """Arrow columns of B rows → arrays."""
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        dense = [columns[name].to_numpy(zero_copy_only=False) for name in self.dense]
        return ExampleBatch(
            label=columns["label"].to_numpy().astype(np.float32),  # (B,)
            dense=np.stack(dense, axis=1) if dense else np.empty((len(table), 0), np.float32),
            ids={field.name: self._field_ids(field, columns) for field in self.fields},
        )

    def _field_ids(self, field: Field, columns: dict[str, pa.Array]) -> FieldIds:
        column = columns[field_column(field.name)]
        if field.multi_valued:
            offsets = column.offsets.to_numpy().astype(np.int64)
            offsets -= offsets[0]
            values = column.flatten().to_numpy().astype(np.int64)
        else:
            offsets = np.arange(len(column) + 1, dtype=np.int64)
            values = column.to_numpy(zero_copy_only=False).astype(np.int64)
        if len(values) and not (values.min() >= 0 and values.max() < field.num_embeddings):
            raise self._out_of_range(field, values)
        return FieldIds(values, offsets)

    def _empty(self) -> DataError:
        return DataError(
            f"the {self.slice.name} slice has no example",
            expected="at least one example",
            found="none",
            where=[self.lake.location(f"{EXAMPLES.name}/ds={p.day}") for p in self.slice.parts],
            remedy="check how many examples the days have and training.holdout_share",
        )

    def _out_of_range(self, field: Field, values: np.ndarray) -> DataError:
        return DataError(
            f"field {field.name!r} has a row id outside its table",
            expected=f"0 ≤ row id < {field.num_embeddings} (num_embeddings)",
            found=f"row ids from {values.min()} to {values.max()}",
            where=[self.lake.location(f"{EXAMPLES.name}/ds={p.day}") for p in self.slice.parts],
            remedy="run `python -m jobs ingest` for these days again with the present config",
        )


def _regrouped(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `rows` rows; the last may be smaller."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += table.num_rows
        if count < rows:
            continue
        merged = pa.concat_tables(waiting)
        whole = count - count % rows
        yield from (merged.slice(start, rows) for start in range(0, whole, rows))
        waiting, count = [merged.slice(whole)], count - whole
    if count:
        yield pa.concat_tables(waiting)


def _shuffled(tables: Iterable[pa.Table], rows: int, seed: int) -> Iterator[pa.Table]:
    """Each run of `rows` rows in a random order of its own."""
    random = np.random.default_rng(seed)
    for run in _regrouped(tables, rows):
        yield run.combine_chunks().take(pa.array(random.permutation(run.num_rows)))
