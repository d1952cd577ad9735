"""A tiny model over a tiny lake."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from shark_core.config import PipelineConfig
from shark_core.lake import Lake
from shark_core.models.batch import Batch
from shark_core.models.device import batches_on
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import training_slice
from tests.example_lake import DAY, tiny_config, tiny_lake


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)  # as jobs do: steps this small are slower on several


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    return tiny_config(tmp_path)


@pytest.fixture
def lake(config: PipelineConfig) -> Lake:
    return tiny_lake(config, DAY)


@pytest.fixture
def batch(lake: Lake, config: PipelineConfig) -> Batch:
    """64 examples."""
    reader = ExampleReader(lake, config, training_slice(lake, config, DAY))
    return next(batches_on(torch.device("cpu"), reader, 64))
