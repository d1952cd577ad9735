from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.access.example_runs import ExampleRows, ExampleRun, deal_out
from shark_core.lake import FileEntry, Lake
from shark_core.partition_writer import AttemptFiles

SCHEMA = pa.schema([pa.field("label", pa.int8(), nullable=False)])


def file(number: int, rows: int) -> FileEntry:
    name = f"part-{number:05d}-0123abcd-4567cdef.parquet"
    return FileEntry(f"examples/ds=2026-01-01/{name}", rows, 0, "")


@st.composite
def shared_out(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Rows of files, and shares of as many rows."""
    files = draw(st.lists(st.integers(1, 40), max_size=6))
    cuts = sorted(draw(st.lists(st.integers(0, sum(files)), max_size=6)))
    edges = [0, *cuts, sum(files)]
    return files, [end - start for start, end in pairwise(edges)]


@given(shared_out())
def test_each_row_is_dealt_once_and_in_order(dealt: tuple[list[int], list[int]]) -> None:
    rows, shares = dealt
    files = [file(number, count) for number, count in enumerate(rows)]
    starts = {each.path: sum(rows[:number]) for number, each in enumerate(files)}
    runs = deal_out(files, shares)
    assert [sum(run.rows for run in share) for share in runs] == shares
    places = [
        starts[run.path] + row
        for share in runs
        for run in share
        for row in range(run.first, run.first + run.rows)
    ]
    assert places == list(range(sum(rows)))


def test_the_file_after_the_last_of_five_digits_comes_after_it() -> None:
    files = [file(100_000, 1), file(99_999, 1), file(10_001, 1)]
    (runs,) = deal_out(files, [3])
    assert [run.path for run in runs] == [file(n, 1).path for n in (10_001, 99_999, 100_000)]


@given(
    st.lists(st.integers(0, 25), min_size=4, max_size=4),
    st.lists(st.integers(0, 9), max_size=12),
)
def test_rows_are_taken_as_they_lie(
    tmp_path_factory: pytest.TempPathFactory, edges: list[int], wanted: list[int]
) -> None:
    lake = Lake(str(tmp_path_factory.mktemp("runs")))
    table = pa.table([pa.array(range(25), pa.int8())], schema=SCHEMA)
    files = AttemptFiles(lake, "examples", "0123abcd")
    paths = [
        files.write_batches("part.parquet", SCHEMA, table.to_batches(max_chunksize=size)).path
        for size in (4, 25)
    ]
    ends = [sorted(edges[:2]), sorted(edges[2:])]
    runs = [
        ExampleRun(path, first, end - first) for path, (first, end) in zip(paths, ends, strict=True)
    ]
    expected = [row for first, end in ends for row in range(first, end)]
    rows = ExampleRows(lake, tuple(runs), SCHEMA)
    for number in wanted:
        part, expected = expected[:number], expected[number:]
        if len(part) < number:
            with pytest.raises(RuntimeError, match="more examples are wanted"):
                rows.take(number)
            return
        assert rows.take(number)["label"].to_pylist() == part
