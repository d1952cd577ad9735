"""Slices read from a lake, against the same found example by example."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.evaluation.slice_members import SliceReader, value_names
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import (
    ROW_PRIORITY,
    ROW_PRIORITY_SCHEMA,
    VOCABULARY,
    VOCABULARY_SCHEMA,
    field_column,
)
from shark_core.traffic.slices import Slice, SlicePart, held_out_test_slice
from tests.example_lake import DAY, STAMP, examples_table, tiny_config, write_examples

ROWS, HELD_OUT = 500, 100  # the latest fifth
FIELDS = ("user", "tags")
BEFORE = 0.25  # the priority that user 7 has from days before this one


def traffic() -> pa.Table:
    """Users 40 to 49 come with the held-out examples only; user 7 reads nothing else that day."""
    table = examples_table(tiny_config(Path("unused")), DAY, ROWS)
    user = np.arange(ROWS) % 40
    user[user == 7] = 8
    user[-HELD_OUT:] = np.random.default_rng(1).integers(0, 50, HELD_OUT)
    column = table.schema.get_field_index("field_user")
    return table.set_column(column, table.schema.field(column), pa.array(user, pa.int32()))


def lists(table: pa.Table, field: str) -> list[list[int]]:
    values = table[field_column(field)].to_pylist()
    return [value if isinstance(value, list) else [value] for value in values]


def accesses(table: pa.Table, field: str) -> dict[int, float]:
    """β·(α·c⁺ + c⁻), one access after the other, with the config's 2 and 0.2."""
    found: dict[int, float] = defaultdict(float)
    for label, rows in zip(table["label"].to_pylist(), lists(table, field), strict=True):
        for row in rows:
            found[row] += 0.4 if label else 0.2
    return found


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    config = tiny_config(tmp_path, evaluation={"slice_field": "tags", "slice_values": 3})
    table = traffic()
    lake = write_examples(config, DAY, table.slice(0, 311), table.slice(311))
    for field in FIELDS:
        priority = accesses(table, field)
        if field == "user":
            priority[7] += BEFORE
        write(lake, field, priority)
    return config


def write(lake: Lake, field: str, priority: dict[int, float]) -> None:
    row_ids = sorted(priority)
    rows = pa.table([row_ids, [priority[row] for row in row_ids]], schema=ROW_PRIORITY_SCHEMA)
    with PartitionWriter(lake, partition(ROW_PRIORITY, DAY, field=field), STAMP) as writer:
        writer.write_table("part-00000.parquet", rows)
        writer.commit({})


def masks(config: PipelineConfig, judged: Slice) -> dict[str, list[bool]]:
    reader = SliceReader(Lake(config.lake), config, DAY, FIELDS)
    return {each.name: each.mask.tolist() for each in reader.members(judged)}


def on_test_slice(config: PipelineConfig) -> dict[str, list[bool]]:
    return masks(config, held_out_test_slice(Lake(config.lake), config, DAY))


def examples_of_the_test_slice() -> pa.Table:
    return traffic().slice(ROWS - HELD_OUT).take(pa.array(range(1, HELD_OUT, 2)))


def test_new_rows_are_those_that_neither_earlier_days_nor_the_days_training_read(
    config: PipelineConfig,
) -> None:
    trained = set(range(50)) - set(range(40, 50))
    expected = [not set(rows) <= trained for rows in lists(examples_of_the_test_slice(), "user")]
    assert on_test_slice(config)["new rows"] == expected
    assert 0 < sum(expected) < len(expected)


def test_examples_of_a_later_day_are_judged_by_what_was_trained_by_now(
    config: PipelineConfig,
) -> None:
    later = DAY + timedelta(days=1)
    write_examples(config, later, traffic())
    expected = [rows[0] >= 40 for rows in lists(traffic(), "user")]
    assert masks(config, Slice("later", (SlicePart(later),)))["new rows"] == expected


def test_rare_rows_are_the_least_trained_on(config: PipelineConfig) -> None:
    """User 7 has less than a hundredth of what users have; every other row has more."""
    expected = [7 in rows for rows in lists(examples_of_the_test_slice(), "user")]
    assert on_test_slice(config)["rare rows"] == expected
    assert any(expected)


def test_slices_by_value_are_those_of_the_most_examples(config: PipelineConfig) -> None:
    rows = lists(examples_of_the_test_slice(), "tags")
    readers = Counter(tag for each in rows for tag in set(each))
    most = sorted(readers, key=lambda tag: (-readers[tag], tag))[:3]
    found = on_test_slice(config)
    assert [*found][2:] == [*(f"tags={tag}" for tag in most), "tags: other values"]
    for tag in most:
        assert found[f"tags={tag}"] == [tag in each for each in rows]
    assert found["tags: other values"] == [not set(most) & set(each) for each in rows]


def test_a_day_without_priorities_is_refused(config: PipelineConfig) -> None:
    lake = Lake(config.lake)
    lake.filesystem.delete_dir(lake.absolute(partition(ROW_PRIORITY, DAY, field="tags").path))
    with pytest.raises(DataError, match="python -m jobs update-priorities"):
        on_test_slice(config)


def test_values_are_named_as_people_know_them(config: PipelineConfig) -> None:
    lake = Lake(config.lake)
    for day, values in {DAY: ["phone"], DAY + timedelta(days=1): ["tv\n"]}.items():
        rows = pa.table([values, [2 + (day > DAY)]], schema=VOCABULARY_SCHEMA)
        with PartitionWriter(lake, partition(VOCABULARY, day, field="item"), STAMP) as writer:
            writer.write_table("part-00000.parquet", rows)
            writer.commit({})
    after = DAY + timedelta(days=1)
    item, user, tags = (config.field(name) for name in ("item", "user", "tags"))
    assert value_names(lake, item, after, [3, 0, 2]) == {
        3: "item='tv\\n'",
        0: "item: missing or unknown value",
        2: "item='phone'",
    }
    assert value_names(lake, item, DAY, [3]) == {3: "item row 3"}
    assert value_names(lake, user, DAY, [4, 0])[4] == "user row 4"
    assert value_names(lake, tags, DAY, [0]) == {0: "tags=0"}
