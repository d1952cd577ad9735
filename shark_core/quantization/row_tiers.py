"""The tiers of a day's rows on disk.

row_tiers/ds=2022-04-25/
    table=user_id.parquet            tier uint8, one row for each row of the table, in their order
    table_params.safetensors         what the rows of a tier share, before finetuning
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, Partition, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.quantization.tiers import TIERS
from shark_core.schemas import ROW_TIERS, ROW_TIERS_SCHEMA

ROWS_AT_ONCE = 1 << 20


def write_row_tiers(writer: PartitionWriter, field: str, codes: np.ndarray) -> None:
    """Codes uint8 (N,), a few bits a row; the caller commits."""
    column = pa.table([pa.array(codes, pa.uint8())], schema=ROW_TIERS_SCHEMA)
    writer.write_table(_file_name(field), column)


def read_row_tiers(lake: Lake, config: PipelineConfig, field: str, day: date) -> np.ndarray:
    """What was written for a field with a table: uint8 (num_embeddings,).

    Raises `DataError` where the partition or the field is missing, or is not of this config.
    """
    size = config.field(field).num_embeddings
    (codes,) = row_tiers_in_runs(lake, config, field, day, size)
    return codes


def row_tiers_in_runs(
    lake: Lake, config: PipelineConfig, field: str, day: date, rows: int
) -> Iterator[np.ndarray]:
    """As `read_row_tiers`, `rows` at a time, fewer at the end: for tables of any size."""
    source = partition(ROW_TIERS, day)
    path = _path(lake, source, field)
    if path is None:
        raise _unusable(lake, source, f"tiers of field {field!r}", "none")
    size = config.field(field).num_embeddings
    with lake.reading(path), lake.filesystem.open_input_file(lake.absolute(path)) as stream:
        file = pq.ParquetFile(stream)
        if file.metadata.num_rows != size:
            expected = f"{size} rows of field {field!r}"
            raise _unusable(lake, source, expected, f"{file.metadata.num_rows} rows")
        yield from _in_runs(_pieces(lake, source, field, file), rows)


def find_row_tiers(lake: Lake, field: str, day: date) -> np.ndarray | None:
    """As they were written, of whatever size the table had; None where a day has none of a field.

    Raises `DataError` where they are damaged.
    """
    source = partition(ROW_TIERS, day)
    path = _path(lake, source, field) if lake.find_marker(source) else None
    if path is None:
        return None
    with lake.reading(path), lake.filesystem.open_input_file(lake.absolute(path)) as stream:
        pieces = list(_pieces(lake, source, field, pq.ParquetFile(stream)))
    return np.concatenate(pieces)


def _path(lake: Lake, source: Partition, field: str) -> str | None:
    wanted = f"{source.path}/{_file_name(field)}"
    found = (entry.path for entry in lake.marker(source).files if entry.logical_path == wanted)
    return next(found, None)


def _pieces(
    lake: Lake, source: Partition, field: str, file: pq.ParquetFile
) -> Iterator[np.ndarray]:
    """The codes in order, uint8 (n,) each. Raises `DataError` where they are not tiers."""
    if not file.schema_arrow.equals(ROW_TIERS_SCHEMA):
        expected = f"one column, tier: uint8 not null, of {field!r}"
        raise _unusable(lake, source, expected, file.schema_arrow.to_string())
    for batch in file.iter_batches(ROWS_AT_ONCE):
        codes = batch["tier"].to_numpy()
        largest = int(codes.max(initial=0))
        if largest >= len(TIERS):
            expected = f"codes of field {field!r} below {len(TIERS)}"
            raise _unusable(lake, source, expected, f"codes up to {largest}")
        yield codes


def _in_runs(pieces: Iterable[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    left = np.empty(0, dtype=np.uint8)
    for piece in pieces:
        left = np.concatenate([left, piece])
        while len(left) >= rows:
            yield left[:rows]
            left = left[rows:]
    if len(left):
        yield left


def _file_name(field: str) -> str:
    return f"table={field}.parquet"


def _unusable(lake: Lake, source: Partition, expected: str, found: object) -> DataError:
    return DataError(
        "the tiers of a day's rows cannot be used",
        expected=expected,
        found=found,
        where=lake.location(source.path),
        remedy="run `python -m jobs assign-tiers` for this day again",
    )
