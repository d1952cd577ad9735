"""count-accesses on examples that are written as they are, without ingest."""

from __future__ import annotations

import logging
import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jobs.context import DayContext
from jobs.count_accesses import count_accesses
from shark_core.access import count_plan
from shark_core.access.count_files import FieldOutput
from shark_core.access.count_tasks import CountTask, count_files
from shark_core.access.row_ranges import RANGE_ROWS
from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Marker, partition
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, examples_schema
from tests.example_lake import DAY, tiny_config, write_examples

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]

LARGE = 2 * RANGE_ROWS + 10


def config_of(lake: Path, *fields: dict[str, Any]) -> PipelineConfig:
    defaults = {"encoding": "identity", "num_embeddings": 100}
    return tiny_config(lake, fields=[{**defaults, **field} for field in fields], dense_features=[])


def examples(config: PipelineConfig, labels: list[int], **columns: Any) -> pa.Table:
    """`columns`: the row ids of each field; of their own type where they are Arrow arrays."""
    given = {"label": labels, "event_time": [0] * len(labels)}
    given |= {f"field_{name}": rows for name, rows in columns.items()}
    kinds = {field.name: field.type for field in examples_schema(config)}
    return pa.table(
        {
            name: values if isinstance(values, pa.Array) else pa.array(values).cast(kinds[name])
            for name, values in given.items()
        }
    )


def counted(config: PipelineConfig, *tables: pa.Table) -> dict[str, Marker]:
    write_examples(config, DAY, *tables)
    context = DayContext(config, DAY, run_id="test")
    count_accesses(context)
    return {field.name: context.marker(ACCESS_COUNTS, field=field.name) for field in config.fields}


def counts_of(config: PipelineConfig, name: str) -> list[tuple[int, int, int]]:
    context = DayContext(config, DAY, run_id="test")
    table = context.lake.read_table(context.partition(ACCESS_COUNTS, field=name))
    return list(zip(*(table[column].to_pylist() for column in table.column_names), strict=True))


def test_one_row_in_half_of_all_examples_is_counted_like_any_other(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"name": "user", "num_embeddings": LARGE}, {"name": "item"})
    rows = np.where(np.arange(60_000) % 2, 7, np.arange(60_000) + RANGE_ROWS)
    labels = (np.arange(60_000) % 3 == 0).tolist()
    counted(config, examples(config, labels, user=rows, item=rows % 100))
    found = counts_of(config, "user")
    assert found[0] == (7, 10_000, 20_000)
    assert len(found) == 1 + 30_000
    assert {positives + negatives for _, positives, negatives in found[1:]} == {1}


def test_a_large_table_has_a_part_file_for_each_range_of_rows(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"name": "user", "num_embeddings": LARGE})
    rows = [LARGE - 1, 5, RANGE_ROWS - 1, 5, LARGE - 1]
    marker = counted(config, examples(config, [1, 0, 1, 0, 0], user=rows))["user"]
    assert [entry.rows for entry in marker.files] == [2, 0, 1]
    assert counts_of(config, "user") == [(5, 0, 2), (RANGE_ROWS - 1, 1, 0), (LARGE - 1, 1, 1)]


@pytest.mark.parametrize("num_embeddings", [100, LARGE])
def test_how_the_work_is_divided_does_not_show(tmp_path: Path, num_embeddings: int) -> None:
    random = np.random.default_rng(3)
    seen = []
    rows, labels = random.integers(0, 100, 900), random.integers(0, 2, 900).tolist()
    for pieces in (1, 9):
        lake = tmp_path / str(pieces)
        config = config_of(lake, {"name": "user", "num_embeddings": num_embeddings})
        table = examples(config, labels, user=rows)
        size = 900 // pieces
        marker = counted(config, *(table.slice(n * size, size) for n in range(pieces)))["user"]
        seen.append((marker.fingerprint, marker.facts))
        left = sorted(path.name for path in lake.rglob("access_counts/**/*.parquet"))
        assert not [name for name in left if name.startswith("partial")]
    assert seen[0] == seen[1]


def test_a_field_without_accesses_has_a_finished_partition(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"name": "tags", "pooling": "sum"}, {"name": "user"})
    empty = pa.array([[], None, []], pa.list_(pa.int32()))
    marker = counted(config, examples(config, [1, 0, 1], tags=empty, user=[1, 2, 3]))["tags"]
    assert (marker.rows, len(marker.files)) == (0, 1)
    assert (marker.facts["positives"], marker.facts["negatives"]) == (0, 0)
    assert counts_of(config, "tags") == []


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        pytest.param(pa.array([3, None], pa.int32()), "1 row ids that are null", id="null"),
        pytest.param(pa.array([3, 100], pa.int32()), "row ids from 3 to 100", id="too large"),
        pytest.param(pa.array([-1, 3], pa.int32()), "row ids from -1 to 3", id="negative"),
    ],
)
def test_row_ids_of_another_table_are_refused(tmp_path: Path, rows: pa.Array, found: str) -> None:
    config = config_of(tmp_path, {"name": "user"})
    with pytest.raises(DataError, match=rf"(?s)do not fit field 'user'.*{found}.*part-00000"):
        counted(config, examples(config, [0, 1], user=rows))
    assert not list(tmp_path.rglob("access_counts/**/*.parquet"))


def test_a_null_in_a_list_is_refused(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"name": "tags", "pooling": "sum"})
    rows = pa.array([[1, None], [2]], pa.list_(pa.int32()))
    with pytest.raises(DataError, match="1 row ids that are null"):
        counted(config, examples(config, [0, 1], tags=rows))


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"name": "user"}, {"name": "item"})
    with pytest.raises(DataError, match=r"(?s)do not fit field 'item'.*no such column.*ingest"):
        counted(config, examples(config, [0, 1], user=[1, 2]))


@pytest.mark.parametrize("labels", [[0, 2], [-1, 0]])
def test_labels_other_than_0_and_1_are_refused(tmp_path: Path, labels: list[int]) -> None:
    config = config_of(tmp_path, {"name": "user"})
    with pytest.raises(DataError, match="labels that are none"):
        counted(config, examples(config, labels, user=[1, 2]))


def test_the_log_says_what_came_in_and_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shark")
    config = config_of(tmp_path, {"name": "user"}, {"name": "item"})
    markers = counted(config, examples(config, [1, 0, 1], user=[1, 1, 2], item=[3, 4, 5]))
    size = sum(marker.bytes for marker in markers.values())
    expected = rf"count-accesses: 3 examples in, 5 rows out, {size} bytes, \d+\.\d s"
    assert re.fullmatch(expected, caplog.messages[-1])


def test_counts_say_by_what_values_have_their_rows(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"name": "ad", "encoding": "hash"}, {"name": "user"})
    markers = counted(config, examples(config, [1, 0], ad=[1, 2], user=[1, 2]))
    assert markers["ad"].facts["row_assignment"] == "hash into 100"
    assert markers["user"].facts["row_assignment"] == "identity"


def test_many_files_are_not_open_at_once(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"name": "user"})
    lake = write_examples(config, DAY, *[examples(config, [1], user=[n]) for n in range(60)])
    output = FieldOutput(config.fields[0], AttemptFiles(lake, "access_counts/x", "0" * 8))
    marker = lake.marker(partition(EXAMPLES, DAY))
    paths = tuple(entry.path for entry in marker.files)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 20, hard))
    try:
        (found,) = count_files(CountTask(lake, (output,), paths, number=0, alone=True))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found.positives == 60


@pytest.mark.slow
def test_a_thousand_fields_are_counted(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(1000)]
    config = config_of(tmp_path, *({"name": name} for name in names))
    tables = [
        examples(config, [1, 0], **{name: [n % 100, part] for n, name in enumerate(names)})
        for part in range(3)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(count_plan, "ROWS_PER_TASK", 2)  # a group of fields has three tasks
        markers = counted(config, *tables)
    assert len(markers) == 1000
    assert counts_of(config, "f250") == [(0, 0, 1), (1, 0, 1), (2, 0, 1), (50, 3, 0)]
