"""The day's baseline without some fields, and its finetuning: in a trial as for what is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import torch

from shark_core.config import PipelineConfig
from shark_core.lake import Lake, Partition, partition
from shark_core.models.checkpoint import load_checkpoint, load_row_sums
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import choose_device
from shark_core.models.training import AfterStep, FitResult, FitSettings, fit
from shark_core.schemas import CHECKPOINT
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import training_slice, validation_slice


def pruned_baseline(
    lake: Lake,
    config: PipelineConfig,
    day: date,
    means: Mapping[str, Sequence[float]],
    pruned: Sequence[str],
) -> CtrModel:
    """The baseline with each of these fields replaced by its mean embedding, on its device."""
    model = load_checkpoint(lake, _baseline(day), config)
    for name in pruned:
        model.embeddings.prune(name, torch.tensor(means[name]))
    return model.to(choose_device(config.training))


def finetune_on_day(
    lake: Lake,
    config: PipelineConfig,
    day: date,
    model: CtrModel,
    after_step: AfterStep | None = None,
) -> FitResult:
    """In place: the day's training slice at finetuning's rates, from the baseline's row sums."""
    wanted, held_out = training_slice(lake, config, day), validation_slice(lake, config, day)
    return fit(
        model,
        ExampleReader(lake, config, wanted, fields=model.kept),
        ExampleReader(lake, config, held_out, fields=model.kept),
        FitSettings.of_finetuning(config),
        row_sums=load_row_sums(lake, _baseline(day)),
        after_step=after_step,
    )


def _baseline(day: date) -> Partition:
    return partition(CHECKPOINT, day, stage="baseline")
