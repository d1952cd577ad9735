from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shark_core.publish import table_columns
from shark_core.publish.table_columns import (
    MOST_THREADS,
    ROWS_AT_ONCE,
    Part,
    TableColumns,
    TableContent,
    parquet_content,
    read_columns,
)
from shark_core.publish.table_files import PARQUET_OPTIONS, tier_schema

WIDTH = 3
SCHEMA = tier_schema(WIDTH)

Parts = list[list[list[int]]]  # of batches of row ids


def batch(row_ids: list[int]) -> pa.RecordBatch:
    rows = [bytes([row_id % 256]) * WIDTH for row_id in row_ids]
    return pa.record_batch([pa.array(row_ids, pa.int32()), pa.array(rows, SCHEMA[1].type)], SCHEMA)


def read(parts: Parts, said: list[int] | None = None) -> TableColumns:
    """Rows of `WIDTH` times the row id; `said` of the parts, else as many as there are."""
    sizes = said or [sum(map(len, part)) for part in parts]
    batches = [[*map(batch, part)] for part in parts]
    content = [Part(size, lambda b=b: b) for size, b in zip(sizes, batches, strict=True)]
    return read_columns(TableContent(SCHEMA, content), WIDTH)


def parquet(row_ids: np.ndarray, rows_of_a_group: int) -> bytes:
    """Rows are the low bytes of their ids."""
    rows = [int(row_id).to_bytes(4, "little")[:WIDTH] for row_id in row_ids]
    content = pa.table({"row_id": row_ids, "row": rows}, schema=SCHEMA)
    sink = io.BytesIO()
    pq.write_table(content, sink, row_group_size=rows_of_a_group, **PARQUET_OPTIONS)
    return sink.getvalue()


@pytest.mark.parametrize(
    "sizes", [[[7]], [[1, 6]], [[3, 0, 4]], [[3], [4]], [[3], [], [2, 2]], [[0], [1]], [[0]], []]
)
def test_parts_and_their_batches_are_put_one_after_the_other(sizes: list[list[int]]) -> None:
    ends = np.cumsum([0, *(size for part in sizes for size in part)])
    runs = iter([[*range(start, end)] for start, end in pairwise(ends)])
    found = read([[next(runs) for _ in part] for part in sizes])
    assert (found.complete, found.ascending) == (True, True)
    assert found.row_ids.tolist() == [*range(ends[-1])]
    assert found.packed.tolist() == [[row_id] * WIDTH for row_id in range(ends[-1])]
    assert found.extent == ((0, ends[-1] - 1) if ends[-1] else (0, -1))


def test_a_part_of_a_batch_is_read_from_where_it_begins() -> None:
    content = TableContent(SCHEMA, [Part(2, lambda: [batch([1, 5, 8, 9]).slice(1, 2)])])
    found = read_columns(content, WIDTH)
    assert (found.row_ids.tolist(), found.packed.tolist()) == ([5, 8], [[5] * WIDTH, [8] * WIDTH])


def test_what_is_held_can_be_written_to() -> None:
    found = read([[[1]]])
    found.packed[0, 0] = found.row_ids[0] = 7
    assert (int(found.packed[0, 0]), int(found.row_ids[0])) == (7, 7)


@pytest.mark.parametrize("said", [[0, 1], [1, 1], [3, 1], [5, 1], [9, 1], [3, 2], [5, 0]])
def test_more_and_fewer_rows_than_a_part_was_said_to_have_are_told(said: list[int]) -> None:
    assert not read([[[1, 2], [3, 4]], [[5]]], said).complete


@pytest.mark.parametrize(
    "parts",
    [
        [[[2, 1]]],
        [[[1, 1]]],
        [[[1, 2], [2, 3]]],
        [[[5], [4]]],
        [[[3], [], [3]]],
        [[[1, 3]], [[3]]],
        [[[2]], [], [[1]]],
        [[[1]], [[2, 1]]],
    ],
)
def test_row_ids_that_do_not_ascend_are_seen_within_batches_and_between(parts: Parts) -> None:
    assert not read(parts).ascending


def test_row_ids_alone_are_read_without_rows() -> None:
    content = TableContent(SCHEMA, [Part(2, lambda: [batch([1, 2]).select(["row_id"])])])
    found = read_columns(content, row_bytes=0)
    assert (found.row_ids.tolist(), found.packed.shape) == ([1, 2], (2, 0))


@pytest.mark.parametrize("cores", [1, 2, 64])
@pytest.mark.parametrize("rows_of_a_group", [ROWS_AT_ONCE // 3, ROWS_AT_ONCE + 1, 10**7])
def test_a_parquet_file_is_decoded_in_parts_across_its_row_groups(
    cores: int, rows_of_a_group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_columns.pa, "cpu_count", lambda: cores)
    row_ids = np.arange(3 * ROWS_AT_ONCE + 10, dtype=np.int32) * 2
    source = parquet(row_ids, rows_of_a_group)
    content = parquet_content(source)
    groups = -(-len(row_ids) // rows_of_a_group)
    assert content.schema.equals(SCHEMA)
    assert len(content.parts) == min(cores, groups, MOST_THREADS)
    found = read_columns(content, WIDTH)
    assert (found.complete, found.ascending) == (True, True)
    assert found.row_ids.tolist() == row_ids.tolist()
    expected = row_ids.astype("<u4")[:, None].view(np.uint8)[:, :WIDTH]
    assert (found.packed == expected).all()


@pytest.mark.parametrize("rows", [0, 1, ROWS_AT_ONCE - 1])
def test_a_file_of_few_rows_is_read_in_one_part(rows: int) -> None:
    row_ids = np.arange(rows, dtype=np.int32)
    content = parquet_content(parquet(row_ids, 100))
    assert content.rows == rows
    assert len(content.parts) == 1
    assert read_columns(content, WIDTH).row_ids.tolist() == row_ids.tolist()
