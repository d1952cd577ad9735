"""Train the baseline of a day: examples → checkpoint stage=baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from torch import Tensor

from jobs.context import DayContext, JobResult, examples_read, log
from shark_core.evaluation.training_figures import training_figures
from shark_core.interval import Interval
from shark_core.lake import partition
from shark_core.models.checkpoint import load_checkpoint, load_row_sums, write_checkpoint
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.device import choose_device
from shark_core.models.training import FitSettings, fit
from shark_core.models.warm_start import continued_row_sums, warm_start
from shark_core.publish.catalog import Catalog
from shark_core.publish.lake_store import store_for
from shark_core.publish.snapshot_model import load_snapshot_model
from shark_core.publish.snapshot_names import named_snapshot_before
from shark_core.schemas import CHECKPOINT
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import (
    Slice,
    baseline_before,
    holdout_cut,
    lacking_columns,
    training_slice,
    validation_slice,
    window_slice,
)


@dataclass(frozen=True)
class _Start:
    """The model to train, the earlier optimizer state of its tables, and where both come from."""

    model: CtrModel
    row_sums: Mapping[str, Tensor] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Retraining:
    """What differs from a day's training: the snapshot to start from, the first day to train on."""

    snapshot: str | None = None
    since: date | None = None


DAILY = Retraining()


def train(context: DayContext, retraining: Retraining = DAILY) -> JobResult:
    """From the day before's baseline where there is one, or as `retraining` says: over a window
    without a snapshot, the model starts cold.

    A ref stands for the last snapshot that it pointed to from before the first day. Raises
    `DataError` where a slice is empty or there is no such snapshot, `ConfigError` where none is
    from before the first day, `PermanentError` where the loss diverges.
    """
    lake, config, day = context.lake, context.config, context.day
    wanted = _training_slice(context, retraining.since)
    start = _start(context, wanted, retraining)
    result = fit(
        start.model.to(choose_device(config.training)),
        ExampleReader(lake, config, wanted),
        ExampleReader(lake, config, validation_slice(lake, config, day)),
        FitSettings.of_training(config),
        row_sums=start.row_sums,
    )
    facts = {"cut": holdout_cut(lake, config, day).isoformat(), **training_figures(result)}
    inputs = {**examples_read(context, wanted), **start.inputs}
    with context.writer(CHECKPOINT, stage="baseline") as writer:
        write_checkpoint(writer, start.model, config, facts, result.row_sums)
        writer.commit(inputs, facts)
    figures = {"warm_start": bool(start.inputs), "started_from": [*start.inputs], **facts}
    return JobResult(f"trained the baseline of {day}", figures)


def _training_slice(context: DayContext, since: date | None) -> Slice:
    lake, config, day = context.lake, context.config, context.day
    return window_slice(lake, config, since, day) if since else training_slice(lake, config, day)


def _start(context: DayContext, wanted: Slice, retraining: Retraining) -> _Start:
    if retraining.snapshot is not None:
        return _from_snapshot(context, retraining.snapshot, retraining.since or context.day)
    if retraining.since is not None:
        return _cold(context, "a window of days, and no --warm-start")
    if baseline_before(context.lake, context.day) is None:
        return _cold(context, "no baseline checkpoint of the day before")
    if len(wanted.parts) == 1:
        _tell_of_tail(context)
    return _from_day_before(context)


def _tell_of_tail(context: DayContext) -> None:
    before = context.day - timedelta(days=1)
    lacking = ", ".join(lacking_columns(context.lake, context.config, before))
    log.warning("the held-out examples of %s are not trained on: they lack %s", before, lacking)


def _cold(context: DayContext, why: str) -> _Start:
    log.info("cold start: %s", why)
    return _Start(build_model(context.config))


def _from_day_before(context: DayContext) -> _Start:
    before = partition(CHECKPOINT, context.day - timedelta(days=1), stage="baseline")
    model = build_model(context.config)
    taken = warm_start(model, load_checkpoint(context.lake, before))
    log.info("%s, from %s", taken, before)
    sums = continued_row_sums(load_row_sums(context.lake, before), taken)
    return _Start(model, sums, {before.path: context.lake.marker(before).fingerprint})


def _from_snapshot(context: DayContext, name: str, first_day: date) -> _Start:
    """What it serves, and no optimizer state: a snapshot has none."""
    catalog = Catalog(store_for(context.config), context.config.name)
    manifest = named_snapshot_before(
        catalog, name, Interval.of_day(first_day).start, "--warm-start"
    )
    model = build_model(context.config)
    taken = warm_start(model, load_snapshot_model(catalog, manifest))
    log.info("%s, from snapshot %s of %s", taken, manifest.snapshot_id, manifest.start.date())
    return _Start(model, inputs={"snapshot": manifest.snapshot_id})
