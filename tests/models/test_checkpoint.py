"""A loaded checkpoint is the saved model; anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, Marker, Partition, partition
from shark_core.models.batch import Batch
from shark_core.models.checkpoint import load_checkpoint, load_row_sums, write_checkpoint
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.head_factory import HEADS
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import CHECKPOINT
from tests.example_lake import DAY, STAMP, tiny_config

SOURCE = partition(CHECKPOINT, DAY, stage="baseline")


def saved(lake: Lake, model: CtrModel, config: PipelineConfig) -> Marker:
    with PartitionWriter(lake, SOURCE, STAMP) as writer:
        write_checkpoint(writer, model, config, {"auc": 0.7}, {"user": torch.arange(50.0)})
        return writer.commit({})


def file_of(lake: Lake, target: Partition, stem: str) -> Path:
    entries = [entry.path for entry in lake.marker(target).files]
    return Path(lake.root) / next(path for path in entries if f"/{stem}-" in path)


@pytest.mark.parametrize("head", HEADS)
def test_the_loaded_model_equals_the_saved_one(tmp_path: Path, batch: Batch, head: str) -> None:
    config = tiny_config(tmp_path, model={"head": head, "hidden_units": [8]})
    model = build_model(config)
    model.embeddings.prune("tags", torch.randn(4))
    saved(Lake(config.lake), model, config)
    loaded = load_checkpoint(Lake(config.lake), SOURCE, config)
    assert (loaded.spec, loaded.pruned) == (model.spec, ["tags"])
    assert torch.equal(loaded(batch), model(batch))
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_the_same_model_gives_the_same_bytes(lake: Lake, config: PipelineConfig) -> None:
    first, second = (saved(lake, build_model(config), config).fingerprint for _ in range(2))
    assert first == second


def test_accumulators_come_back(lake: Lake, config: PipelineConfig) -> None:
    saved(lake, build_model(config), config)
    assert torch.equal(load_row_sums(lake, SOURCE)["user"], torch.arange(50.0))


def test_a_checkpoint_of_another_config_is_refused(
    lake: Lake, config: PipelineConfig, tmp_path: Path
) -> None:
    saved(lake, build_model(config), config)
    with pytest.raises(DataError, match="as in the config"):
        load_checkpoint(lake, SOURCE, tiny_config(tmp_path, dense_features=[]))


@pytest.mark.parametrize("stem", ["weights", "checkpoint"])
def test_a_truncated_file_is_refused(lake: Lake, config: PipelineConfig, stem: str) -> None:
    saved(lake, build_model(config), config)
    path = file_of(lake, SOURCE, stem)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="a checkpoint cannot be used"):
        load_checkpoint(lake, SOURCE)


def test_a_later_format_is_refused(lake: Lake, config: PipelineConfig) -> None:
    saved(lake, build_model(config), config)
    path = file_of(lake, SOURCE, "checkpoint")
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 2}))
    with pytest.raises(DataError, match="format_version 2"):
        load_checkpoint(lake, SOURCE)


def test_a_missing_checkpoint_names_the_job_that_writes_it(lake: Lake) -> None:
    with pytest.raises(DataError, match="python -m jobs train"):
        load_checkpoint(lake, SOURCE)
