from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shark_core.publish.table_columns import ROWS_AT_ONCE, parquet_batches, read_columns
from shark_core.publish.table_files import PARQUET_OPTIONS, tier_schema

WIDTH = 3
SCHEMA = tier_schema(WIDTH)


def batch(row_ids: list[int]) -> pa.RecordBatch:
    rows = [bytes([row_id % 256]) * WIDTH for row_id in row_ids]
    return pa.record_batch([pa.array(row_ids, pa.int32()), pa.array(rows, SCHEMA[1].type)], SCHEMA)


@pytest.mark.parametrize("sizes", [[7], [1, 6], [3, 0, 4], [0], []])
def test_batches_are_put_one_after_the_other(sizes: list[int]) -> None:
    ends = np.cumsum([0, *sizes])
    batches = [batch([*range(start, end)]) for start, end in pairwise(ends)]
    found = read_columns(batches, int(ends[-1]), WIDTH)
    assert (found.found, found.ascending) == (ends[-1], True)
    assert found.row_ids.tolist() == [*range(ends[-1])]
    assert found.packed.tolist() == [[row_id] * WIDTH for row_id in range(ends[-1])]
    assert found.extent == ((0, ends[-1] - 1) if ends[-1] else (0, -1))


def test_a_part_of_a_batch_is_read_from_where_it_begins() -> None:
    found = read_columns([batch([1, 5, 8, 9]).slice(1, 2)], 2, WIDTH)
    assert (found.row_ids.tolist(), found.packed.tolist()) == ([5, 8], [[5] * WIDTH, [8] * WIDTH])


def test_what_is_held_can_be_written_to() -> None:
    found = read_columns([batch([1])], 1, WIDTH)
    found.packed[0, 0] = found.row_ids[0] = 7


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 6])
def test_more_and_fewer_rows_than_expected_are_counted(rows: int) -> None:
    assert read_columns([batch([1, 2]), batch([3, 4]), batch([5])], rows, WIDTH).found == 5


@pytest.mark.parametrize(
    "batches", [[[2, 1]], [[1, 1]], [[1, 2], [2, 3]], [[5], [4]], [[3], [], [3]]]
)
def test_row_ids_that_do_not_ascend_are_seen_within_batches_and_between(
    batches: list[list[int]],
) -> None:
    rows = sum(map(len, batches))
    assert not read_columns(map(batch, batches), rows, WIDTH).ascending


def test_row_ids_alone_are_read_without_rows() -> None:
    found = read_columns([batch([1, 2]).select(["row_id"])], 2, row_bytes=0)
    assert (found.row_ids.tolist(), found.packed.shape) == ([1, 2], (2, 0))


def test_a_parquet_file_is_decoded_in_batches_across_its_row_groups() -> None:
    row_ids = np.arange(ROWS_AT_ONCE + 10, dtype=np.int32) * 2
    rows = [int(row_id).to_bytes(WIDTH, "little") for row_id in row_ids]
    content = pa.table({"row_id": row_ids, "row": rows}, schema=SCHEMA)
    sink = io.BytesIO()
    pq.write_table(content, sink, row_group_size=ROWS_AT_ONCE // 2 + 1, **PARQUET_OPTIONS)
    batches = parquet_batches(sink.getvalue())
    assert batches.schema.equals(SCHEMA)
    found = read_columns(batches, len(row_ids), WIDTH)
    assert (found.found, found.ascending) == (len(row_ids), True)
    assert found.row_ids.tolist() == row_ids.tolist()
    assert found.packed.tobytes() == b"".join(rows)
