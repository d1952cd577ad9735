"""Where a model runs."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from shark_core.config_sections import Training
from shark_core.errors import ConfigError
from shark_core.models.batch import Batch
from shark_core.traffic.examples import ExampleReader


def choose_device(training: Training) -> torch.device:
    """The device for the rest of the process, and on CPU its number of threads.

    `auto` takes CUDA where there is one. Raises `ConfigError` for CUDA where there is none.
    """
    torch.set_num_threads(training.threads)
    available = torch.cuda.is_available()
    if training.device == "cuda" and not available:
        raise ConfigError(
            "the configured device is not there",
            expected="a CUDA device that torch can use",
            found="none",
            where="training.device",
            remedy="set training.device to auto or cpu, or install torch with CUDA",
        )
    automatic = "cuda" if available else "cpu"
    return torch.device(automatic if training.device == "auto" else training.device)


def batches_on(
    device: torch.device,
    reader: ExampleReader,
    batch_size: int,
    shuffle_rows: int = 0,
    seed: int = 0,
) -> Iterator[Batch]:
    """`reader.batches(…)` as tensors on the device."""
    for examples in reader.batches(batch_size, shuffle_rows, seed):
        yield Batch.of(examples, device)
