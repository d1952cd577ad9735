"""Which examples train, validate and test."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import CHECKPOINT
from shark_core.traffic import slices
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import (
    Slice,
    SlicePart,
    holdout_cut,
    training_slice,
    validation_slice,
)
from tests.example_lake import DAY, STAMP, examples_table, tiny_config, tiny_lake, write_examples

BEFORE = DAY - timedelta(days=1)


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    return tiny_config(tmp_path, training={"holdout_share": 0.2})


def ages(lake: Lake, config: PipelineConfig, wanted: Slice) -> list[float]:
    batches = ExampleReader(lake, config, wanted).batches(64)
    return [age for batch in batches for age in batch.dense[:, 0].tolist()]


def all_ages(config: PipelineConfig, day: date, rows: int = 500) -> list[float]:
    column: list[float] = examples_table(config, day, rows)["dense_age"].to_pylist()
    return column


def finish_baseline(lake: Lake, config: PipelineConfig, day: date) -> None:
    cut = holdout_cut(lake, config, day).isoformat()
    with PartitionWriter(lake, partition(CHECKPOINT, day, stage="baseline"), STAMP) as writer:
        writer.commit({}, {"cut": cut})


def test_the_cut_is_the_exact_quantile_of_event_time(config: PipelineConfig) -> None:
    lake = tiny_lake(config, DAY, rows=500)
    start = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    assert holdout_cut(lake, config, DAY) == start + timedelta(days=1) * 400 / 500


def test_examples_at_the_time_of_the_cut_are_held_out(config: PipelineConfig) -> None:
    table = examples_table(config, DAY, 10)
    start = table["event_time"][0]
    times = pa.chunked_array([pa.array([start.as_py()] * 2 + [table["event_time"][5].as_py()] * 8)])
    tied = table.set_column(1, table.schema.field(1), times.cast(table.schema.field(1).type))
    lake = write_examples(config, DAY, tied)
    assert len(ages(lake, config, training_slice(lake, config, DAY))) == 2


def test_a_cold_start_trains_on_the_head_of_the_day(config: PipelineConfig) -> None:
    lake = tiny_lake(config, BEFORE, DAY)
    found = ages(lake, config, training_slice(lake, config, DAY))
    assert found == all_ages(config, DAY)[:400]


def test_a_warm_start_trains_on_the_tail_of_the_day_before_first(config: PipelineConfig) -> None:
    lake = tiny_lake(config, BEFORE, DAY)
    finish_baseline(lake, config, BEFORE)
    found = ages(lake, config, training_slice(lake, config, DAY))
    assert found == all_ages(config, BEFORE)[400:] + all_ages(config, DAY)[:400]


def test_the_tail_begins_where_its_day_stopped_training_whatever_the_share_is_now(
    config: PipelineConfig,
) -> None:
    lake = tiny_lake(config, BEFORE, DAY)
    finish_baseline(lake, config, BEFORE)
    halves = config.model_copy(
        update={"training": config.training.model_copy(update={"holdout_share": 0.5})}
    )
    found = ages(lake, halves, training_slice(lake, halves, DAY))
    assert found == all_ages(config, BEFORE)[400:] + all_ages(config, DAY)[:250]


def test_validation_and_test_take_turns_in_the_held_out_tail(config: PipelineConfig) -> None:
    lake = tiny_lake(config, DAY)
    tail = all_ages(config, DAY)[400:]
    assert ages(lake, config, validation_slice(lake, config, DAY)) == tail[0::2]
    assert ages(lake, config, slices.held_out_test_slice(lake, config, DAY)) == tail[1::2]


def test_a_day_without_examples_has_no_cut(config: PipelineConfig) -> None:
    lake = write_examples(config, DAY, examples_table(config, DAY, 0))
    with pytest.raises(DataError, match="a day has no examples"):
        holdout_cut(lake, config, DAY)


@given(
    times=st.lists(st.integers(0, 50), max_size=60),
    start=st.integers(0, 50),
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=8),
)
def test_parity_does_not_depend_on_how_rows_are_read(
    times: list[int], start: int, lengths: list[int]
) -> None:
    part = SlicePart(DAY, start=slices.EPOCH + start * slices.MICROSECOND, positions="odd")
    whole, _ = part.mask(np.array(times, dtype=np.int64), 0)
    masks, position, read = [], 0, 0
    while read < len(times):
        length = lengths[read % len(lengths)]
        mask, position = part.mask(np.array(times[read : read + length], np.int64), position)
        masks += mask.tolist()
        read += length
    assert masks == whole.tolist()
    expected = [index for index, time in enumerate(times) if time >= start][1::2]
    assert np.flatnonzero(whole).tolist() == expected
