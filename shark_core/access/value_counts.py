"""How often raw values occur, whatever they are: 64-bit ids, strings; as many as there may be.

    values ["b", "a", "b"], labels [1, 0, 0]   →   value   positives   negatives
                                                     "b"           1           1
                                                     "a"           0           1

Only distinct values are encoded to row ids afterwards, which takes the time. Memory is bounded by
bytes, not by values: what does not fit is given out in parts, to be added up by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from shark_core.schemas import ACCESS_COUNTS_SCHEMA

GATHERED_BYTES = 1 << 27

Valued = tuple[pa.Array, np.ndarray]  # values (N,) and the label 0 or 1 of each (N,)


def count_values(chunks: Iterable[Valued], limit: int = GATHERED_BYTES) -> Iterator[pa.Table]:
    """Tables `value, positives, negatives`, each with unique values in no particular order.

    Null is a value. One table, unless the distinct values take more than half of `limit` bytes.
    """
    gathered: list[pa.Table] = []
    for values, labels in chunks:
        gathered.append(_one_each(values, labels))
        if sum(table.nbytes for table in gathered) < limit:
            continue
        gathered = [_added_up(gathered)]
        if gathered[0].nbytes > limit // 2:
            yield gathered.pop()
    if gathered:
        yield _added_up(gathered)


def by_row(rows: np.ndarray, counts: pa.Table) -> pa.Table:
    """Counts of values whose row ids are `rows` (V,). ACCESS_COUNTS_SCHEMA, row ids ascending."""
    table = pa.table(
        [pa.array(rows), counts["positives"], counts["negatives"]], schema=ACCESS_COUNTS_SCHEMA
    )
    sums = table.group_by("row_id", use_threads=False).aggregate(
        [("positives", "sum"), ("negatives", "sum")]
    )
    ordered = sums.sort_by("row_id")
    columns = [ordered[name] for name in ("row_id", "positives_sum", "negatives_sum")]
    return pa.table(columns, schema=ACCESS_COUNTS_SCHEMA)


def _one_each(values: pa.Array, labels: np.ndarray) -> pa.Table:
    positives = labels.astype(np.int64)
    columns = {"value": values, "positives": positives, "negatives": 1 - positives}
    return pa.table(columns)


def _added_up(tables: list[pa.Table]) -> pa.Table:
    together = pa.concat_tables(tables, promote_options="permissive")
    sums = together.group_by("value", use_threads=False).aggregate(
        [("positives", "sum"), ("negatives", "sum")]
    )
    return sums.rename_columns({"positives_sum": "positives", "negatives_sum": "negatives"})
