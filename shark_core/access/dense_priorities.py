"""Row priorities as one number per row of a table."""

from __future__ import annotations

from datetime import date

import numpy as np

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.schemas import ROW_PRIORITY


def load_priority(lake: Lake, config: PipelineConfig, field: str, day: date) -> np.ndarray:
    """Priorities of the day `(num_embeddings,)` float64; 0 for rows that were never accessed.

    Raises `DataError` where the partition is missing or names a row outside the table.
    """
    source = partition(ROW_PRIORITY, day, field=field)
    table = lake.read_table(source)
    rows = table["row_id"].to_numpy()
    dense = np.zeros(config.field(field).num_embeddings)
    if len(rows) and not (rows.min() >= 0 and rows.max() < len(dense)):
        raise DataError(
            f"field {field!r} has a priority for a row outside its table",
            expected=f"0 ≤ row_id < {len(dense)} (num_embeddings)",
            found=f"row ids from {rows.min()} to {rows.max()}",
            where=lake.location(source.path),
            remedy="run the day's jobs from `python -m jobs ingest` on again",
        )
    dense[rows] = table["priority"].to_numpy()
    return dense
