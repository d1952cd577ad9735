"""Reading examples: order, batch sizes, projection, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake
from shark_core.traffic.examples import ExampleBatch, ExampleReader
from shark_core.traffic.slices import Slice, SlicePart
from tests.example_lake import DAY, examples_table, tiny_config, tiny_lake, write_examples

WHOLE = Slice("whole", (SlicePart(DAY),))


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    return tiny_config(tmp_path)


def joined(batches: list[ExampleBatch], field: str) -> list[list[int]]:
    """Row ids of every example."""
    rows: list[list[int]] = []
    for batch in batches:
        ids = batch.ids[field]
        rows += [part.tolist() for part in np.split(ids.values, ids.offsets[1:-1])]
    return rows


def ages(batches: list[ExampleBatch]) -> list[float]:
    return [age for batch in batches for age in batch.dense[:, 0].tolist()]


def test_batches_have_a_fixed_size_across_files_and_row_groups(config: PipelineConfig) -> None:
    table = examples_table(config, DAY, 500)
    groups = pa.concat_tables([table.slice(137, 50), table.slice(187)])  # a row group a chunk
    lake = write_examples(config, DAY, table.slice(0, 130), table.slice(130, 7), groups)
    batches = list(ExampleReader(lake, config, WHOLE).batches(64))
    assert [len(batch) for batch in batches] == [64] * 7 + [52]


def test_examples_come_in_the_order_and_with_the_content_of_the_files(
    config: PipelineConfig,
) -> None:
    table = examples_table(config, DAY, 300)
    lake = write_examples(config, DAY, table.slice(0, 111), table.slice(111))
    batches = list(ExampleReader(lake, config, WHOLE).batches(40))
    assert joined(batches, "tags") == table["field_tags"].to_pylist()
    assert joined(batches, "user") == [[row] for row in table["field_user"].to_pylist()]
    assert ages(batches) == table["dense_age"].to_pylist()
    assert np.concatenate([b.label for b in batches]).tolist() == table["label"].to_pylist()


def test_shuffling_permutes_within_runs_of_shuffle_rows(config: PipelineConfig) -> None:
    lake = tiny_lake(config, DAY, rows=300)
    reader = ExampleReader(lake, config, WHOLE)
    plain, shuffled = (ages(list(reader.batches(32, rows, seed=5))) for rows in (0, 100))
    assert plain != shuffled
    for start in range(0, 300, 100):
        run = slice(start, start + 100)
        assert sorted(plain[run]) == sorted(shuffled[run])


def test_shuffling_follows_the_seed(config: PipelineConfig) -> None:
    reader = ExampleReader(tiny_lake(config, DAY), config, WHOLE)
    first, again, other = (ages(list(reader.batches(32, 200, seed))) for seed in (1, 1, 2))
    assert first == again != other


def test_only_the_wanted_fields_are_read(config: PipelineConfig) -> None:
    reader = ExampleReader(tiny_lake(config, DAY), config, WHOLE, fields=["item"])
    batch = next(reader.batches(10))
    assert list(batch.ids) == ["item"]


def test_max_examples_keeps_the_first(config: PipelineConfig) -> None:
    lake = tiny_lake(config, DAY, rows=300)
    everything = ages(list(ExampleReader(lake, config, WHOLE).batches(64)))
    some = ExampleReader(lake, config, WHOLE, max_examples=70)
    assert ages(list(some.batches(64))) == everything[:70]


def test_a_config_without_dense_features_gives_an_empty_matrix(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, dense_features=[])
    lake = write_examples(config, DAY, examples_table(config, DAY, 20))
    assert next(ExampleReader(lake, config, WHOLE).batches(20)).dense.shape == (20, 0)


def test_a_slice_without_examples_is_refused(config: PipelineConfig) -> None:
    lake = write_examples(config, DAY, examples_table(config, DAY, 0))
    with pytest.raises(DataError, match="the whole slice has no example"):
        list(ExampleReader(lake, config, WHOLE).batches(64))


def test_a_row_id_outside_its_table_is_refused(config: PipelineConfig, tmp_path: Path) -> None:
    tiny_lake(config, DAY)
    fields = [field.model_dump() for field in config.fields]
    smaller = tiny_config(tmp_path, fields=[{**fields[0], "num_embeddings": 10}, *fields[1:]])
    with pytest.raises(DataError, match="'user' has a row id outside its table"):
        list(ExampleReader(Lake(config.lake), smaller, WHOLE).batches(64))


def test_a_missing_column_is_refused(config: PipelineConfig) -> None:
    table = examples_table(config, DAY, 20).drop_columns(["field_item"])
    lake = write_examples(config, DAY, table)
    with pytest.raises(DataError, match="'field_item' does not fit the config"):
        list(ExampleReader(lake, config, WHOLE).batches(64))


def test_a_list_where_a_scalar_is_declared_is_refused(config: PipelineConfig) -> None:
    table = examples_table(config, DAY, 20)
    index = table.schema.get_field_index("field_item")
    lists = pa.array([[row] for row in table["field_item"].to_pylist()], pa.list_(pa.int32()))
    lake = write_examples(config, DAY, table.set_column(index, "field_item", lists))
    with pytest.raises(DataError, match="'field_item' does not fit the config"):
        list(ExampleReader(lake, config, WHOLE).batches(64))


def test_a_null_where_none_is_allowed_is_refused(config: PipelineConfig) -> None:
    table = examples_table(config, DAY, 20)
    index = table.schema.get_field_index("field_item")
    column = pa.array([None, *table["field_item"].to_pylist()[1:]], pa.int32())
    lake = write_examples(config, DAY, table.set_column(index, "field_item", column))
    with pytest.raises(DataError, match=r"'field_item' does not fit(.|\n)*1 null"):
        list(ExampleReader(lake, config, WHOLE).batches(64))
