"""The tiers of a day's rows on disk.

row_tiers/ds=2022-04-25/
    table=user_id.parquet            tier uint8, one row for each row of the table, in their order
    table_params.safetensors         what the rows of a tier share, before finetuning
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, Partition, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.quantization.tiers import TIERS
from shark_core.schemas import ROW_TIERS, ROW_TIERS_SCHEMA


def write_row_tiers(writer: PartitionWriter, field: str, codes: np.ndarray) -> None:
    """Codes uint8 (N,), a few bits a row; the caller commits."""
    column = pa.table([pa.array(codes, pa.uint8())], schema=ROW_TIERS_SCHEMA)
    writer.write_table(_file_name(field), column)


def read_row_tiers(lake: Lake, config: PipelineConfig, field: str, day: date) -> np.ndarray:
    """What was written for a field with a table: uint8 (num_embeddings,).

    Raises `DataError` where the partition or the field is missing, or is not of this config.
    """
    source = partition(ROW_TIERS, day)
    codes = _codes(lake, source, field)
    if codes is None:
        raise _unusable(lake, source, f"tiers of field {field!r}", "none")
    size = config.field(field).num_embeddings
    if len(codes) != size:
        raise _unusable(lake, source, f"{size} rows of field {field!r}", f"{len(codes)} rows")
    return codes


def find_row_tiers(lake: Lake, field: str, day: date) -> np.ndarray | None:
    """As they were written, of whatever size the table had; None where a day has none of a field.

    Raises `DataError` where they are damaged.
    """
    source = partition(ROW_TIERS, day)
    return _codes(lake, source, field) if lake.find_marker(source) else None


def _codes(lake: Lake, source: Partition, field: str) -> np.ndarray | None:
    wanted = f"{source.path}/{_file_name(field)}"
    for entry in lake.marker(source).files:
        if entry.logical_path == wanted:
            table = lake.read_parquet(entry.path)
            _check(lake, source, field, table)
            return table["tier"].to_numpy().astype(np.uint8)
    return None


def _check(lake: Lake, source: Partition, field: str, table: pa.Table) -> None:
    if not table.schema.equals(ROW_TIERS_SCHEMA) or table["tier"].null_count:
        found = f"{table.schema.to_string()}, {sum(c.null_count for c in table.columns)} nulls"
        raise _unusable(lake, source, f"one column, tier: uint8 not null, of {field!r}", found)
    largest = int(table["tier"].to_numpy().max(initial=0))
    if largest >= len(TIERS):
        expected = f"codes of field {field!r} below {len(TIERS)}"
        raise _unusable(lake, source, expected, f"codes up to {largest}")


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
