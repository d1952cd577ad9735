"""Train the baseline of a day: examples → checkpoint stage=baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from torch import Tensor

from jobs.context import DayContext, JobResult, examples_read, log
from shark_core.evaluation.training_figures import training_figures
from shark_core.lake import Partition, partition
from shark_core.models.checkpoint import load_checkpoint, load_row_sums, write_checkpoint
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.device import choose_device
from shark_core.models.training import FitSettings, fit
from shark_core.models.warm_start import continued_row_sums, warm_start
from shark_core.schemas import CHECKPOINT
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import holdout_cut, training_slice, validation_slice


@dataclass(frozen=True)
class _Start:
    """The model to train, and the earlier optimizer state of its tables."""

    model: CtrModel
    row_sums: Mapping[str, Tensor] = field(default_factory=dict)


def train(context: DayContext) -> JobResult:
    """Raises `DataError` where a slice is empty, `PermanentError` where the loss diverges."""
    lake, config, day = context.lake, context.config, context.day
    wanted = training_slice(lake, config, day)
    before = partition(CHECKPOINT, day - timedelta(days=1), stage="baseline")
    warm = len(wanted.parts) > 1
    start = _warm(context, before) if warm else _cold(context)
    result = fit(
        start.model.to(choose_device(config.training)),
        ExampleReader(lake, config, wanted),
        ExampleReader(lake, config, validation_slice(lake, config, day)),
        FitSettings.of_training(config),
        row_sums=start.row_sums,
    )
    facts = {"cut": holdout_cut(lake, config, day).isoformat(), **training_figures(result)}
    inputs = examples_read(context, wanted) | (
        {before.path: lake.marker(before).fingerprint} if warm else {}
    )
    with context.writer(CHECKPOINT, stage="baseline") as writer:
        write_checkpoint(writer, start.model, config, facts, result.row_sums)
        writer.commit(inputs, facts)
    return JobResult(f"trained the baseline of {day}", {"warm_start": warm, **facts})


def _cold(context: DayContext) -> _Start:
    log.info("cold start: no baseline checkpoint of the day before")
    return _Start(build_model(context.config))


def _warm(context: DayContext, before: Partition) -> _Start:
    model = build_model(context.config)
    taken = warm_start(model, load_checkpoint(context.lake, before))
    log.info("%s, from %s", taken, before)
    sums = load_row_sums(context.lake, before)
    return _Start(model, continued_row_sums(sums, taken))
