"""The day's baseline without some fields, and its finetuning: in a trial as for what is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import torch

from shark_core.config import PipelineConfig
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import ImportanceReport
from shark_core.lake import Lake, Partition, partition
from shark_core.models.checkpoint import load_checkpoint, load_row_sums
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import choose_device
from shark_core.models.step_hooks import NO_HOOKS, StepHooks
from shark_core.models.training import FitResult, FitSettings, fit
from shark_core.pruning.outcome import FILE_NAME as PRUNING_FILE
from shark_core.pruning.outcome import PruningOutcome
from shark_core.schemas import CHECKPOINT, IMPORTANCE, PRUNING
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import training_slice, validation_slice


def pruned_baseline(lake: Lake, config: PipelineConfig, day: date) -> CtrModel:
    """The day's baseline without the fields that pruning took, on its device."""
    outcome = PruningOutcome.from_json(lake.read_file(partition(PRUNING, day), PRUNING_FILE))
    content = lake.read_file(partition(IMPORTANCE, day), IMPORTANCE_FILE)
    means = ImportanceReport.from_json(content).mean_embeddings
    return baseline_without(lake, config, day, means, outcome.pruned)


def baseline_without(
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
    hooks: StepHooks = NO_HOOKS,
) -> FitResult:
    """In place: the day's training slice at finetuning's rates, from the baseline's row sums."""
    wanted, held_out = training_slice(lake, config, day), validation_slice(lake, config, day)
    return fit(
        model,
        ExampleReader(lake, config, wanted, fields=model.kept),
        ExampleReader(lake, config, held_out, fields=model.kept),
        FitSettings.of_finetuning(config),
        row_sums=load_row_sums(lake, _baseline(day)),
        hooks=hooks,
    )


def _baseline(day: date) -> Partition:
    return partition(CHECKPOINT, day, stage="baseline")
