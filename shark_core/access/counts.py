"""How often a field's rows are read by positive and by negative impressions.

    examples   label 1, rows [4, 4, 9]      →   row_id   positives   negatives
               label 0, rows [9]                     4           2           0
                                                     9           1           1

Every occurrence counts, before any de-duplication: this is what a lookup really reads.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shark_core.schemas import ACCESS_COUNTS_SCHEMA

DENSE_LIMIT = 1 << 22  # rows of a table whose counts fit in 64 MiB

Accesses = tuple[np.ndarray, np.ndarray]  # row ids (N,) int64 and the label 0 or 1 of each (N,)


def accesses(column: pa.ChunkedArray, labels: pa.ChunkedArray) -> Accesses:
    """The accesses of B examples: each label once for every row id of its example."""
    label = labels.to_numpy().astype(np.int64)  # (B,)
    if not pa.types.is_list(column.type):
        return column.to_numpy().astype(np.int64), label
    lengths = pc.list_value_length(column).to_numpy()
    return pc.list_flatten(column).to_numpy().astype(np.int64), np.repeat(label, lengths)


def count_accesses(chunks: Iterable[Accesses], num_embeddings: int) -> pa.Table:
    """Counts of the rows that were accessed, row ids ascending. ACCESS_COUNTS_SCHEMA.

    A key is `2·row + label`; small tables have a counter for every key.
    """
    keys = (2 * rows + labels for rows, labels in chunks)
    count = _count_dense if num_embeddings <= DENSE_LIMIT else _count_sparse
    found, counts = count(keys, 2 * num_embeddings)
    rows, place = np.unique(found // 2, return_inverse=True)
    by_label = np.zeros((2, len(rows)), dtype=np.int64)
    by_label[found % 2, place] = counts
    return pa.table([rows, by_label[1], by_label[0]], schema=ACCESS_COUNTS_SCHEMA)


def _count_dense(chunks: Iterable[np.ndarray], limit: int) -> tuple[np.ndarray, np.ndarray]:
    total = np.zeros(limit, dtype=np.int64)
    for keys in chunks:
        total += np.bincount(keys, minlength=limit)
    found = np.flatnonzero(total)
    return found, total[found]


def _count_sparse(chunks: Iterable[np.ndarray], _limit: int) -> tuple[np.ndarray, np.ndarray]:
    found, counts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    for keys in chunks:
        new, new_counts = np.unique(keys, return_counts=True)
        together, place = np.unique(np.concatenate([found, new]), return_inverse=True)
        total = np.zeros(len(together), dtype=np.int64)
        np.add.at(total, place, np.concatenate([counts, new_counts]))
        found, counts = together, total
    return found, counts
