from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.models import checkpoint_shards
from shark_core.models.checkpoint import WEIGHTS_FILE, named_weights, write_checkpoint
from shark_core.models.checkpoint_shards import open_checkpoint
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import CHECKPOINT
from tests.example_lake import DAY, STAMP, tiny_config

SOURCE = partition(CHECKPOINT, DAY, stage="finetuned")


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    return tiny_config(tmp_path)


@pytest.fixture
def model(config: PipelineConfig) -> CtrModel:
    return build_model(config, pruned=["item"])


@pytest.fixture
def lake(config: PipelineConfig, model: CtrModel) -> Lake:
    found = Lake(config.lake)
    with PartitionWriter(found, SOURCE, STAMP) as writer:
        write_checkpoint(writer, model, config, {})
        writer.commit({})
    return found


@pytest.mark.parametrize("rows_at_once", [1, 7, 8, 50, 1000])
def test_shards_are_the_tables_rows_in_order(
    config: PipelineConfig,
    model: CtrModel,
    lake: Lake,
    rows_at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint_shards, "SHARD_BYTES", rows_at_once * 4 * 4)
    with open_checkpoint(lake, SOURCE, config) as checkpoint:
        for field in checkpoint.kept:
            shards = list(checkpoint.shards(field))
            assert [shard.first_row for shard in shards] == [
                *range(0, field.num_embeddings, rows_at_once)
            ]
            whole = torch.cat([shard.rows for shard in shards])
            assert torch.equal(whole, model.embeddings.weight(field.name))


def test_a_row_that_is_larger_than_a_shard_is_a_shard(
    config: PipelineConfig, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_shards, "SHARD_BYTES", 1)
    with open_checkpoint(lake, SOURCE, config) as checkpoint:
        assert {len(shard.rows) for shard in checkpoint.shards(checkpoint.kept[0])} == {1}


def test_narrow_rows_make_shards_of_fewer_bytes(
    config: PipelineConfig, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_shards, "SHARD_ROWS", 30)
    with open_checkpoint(lake, SOURCE, config) as checkpoint:
        assert [len(shard.rows) for shard in checkpoint.shards(checkpoint.kept[0])] == [30, 20]


def test_fields_are_those_of_the_checkpoint(config: PipelineConfig, lake: Lake) -> None:
    with open_checkpoint(lake, SOURCE, config) as checkpoint:
        assert [field.name for field in checkpoint.kept] == ["user", "tags"]
        assert checkpoint.pruned == ("item",)


def test_the_dense_part_is_everything_but_tables(
    config: PipelineConfig, model: CtrModel, lake: Lake
) -> None:
    expected = {n: t for n, t in named_weights(model).items() if not n.startswith("tables.")}
    with open_checkpoint(lake, SOURCE, config) as checkpoint:
        found = checkpoint.dense()
    assert "constants.item" in found
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


def test_a_checkpoint_of_another_config_is_refused(config: PipelineConfig, lake: Lake) -> None:
    other = tiny_config(Path(config.lake), model={"head": "dlrm"})
    with pytest.raises(DataError, match="as in the config"), open_checkpoint(lake, SOURCE, other):
        pass


def test_tables_of_another_shape_than_described_are_refused(
    config: PipelineConfig, model: CtrModel, lake: Lake
) -> None:
    weights = named_weights(model)
    weights["tables.user.weight"] = torch.zeros(49, 4)
    path = lake.file_entry(SOURCE, WEIGHTS_FILE).path
    Path(lake.absolute(path)).write_bytes(save(weights))
    refused = pytest.raises(DataError, match=r"(?s)tables that it describes.*\(49, 4\)")
    with refused, open_checkpoint(lake, SOURCE, config):
        pass
