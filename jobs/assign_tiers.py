"""Decide at which precision each row is stored: pruned baseline + priorities → row_tiers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from jobs.context import (
    DayContext,
    JobResult,
    check_same_baseline,
    examples_read,
    log,
    priorities_read,
)
from shark_core.access.dense_priorities import load_priority
from shark_core.config_sections import LossAware
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import batches_on
from shark_core.models.table_params_file import write_table_params
from shark_core.pruning.finetuning import pruned_baseline
from shark_core.quantization.assignment import Situation, assign
from shark_core.quantization.policies.churn import churn, total
from shark_core.quantization.policies.table_rows import NO_TIER, TableRows
from shark_core.quantization.row_tiers import find_row_tiers, write_row_tiers
from shark_core.quantization.tiers import TIERS, rows_by_tier
from shark_core.schemas import CHECKPOINT, IMPORTANCE, PRUNING, ROW_TIERS
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, training_slice

ROW_IDS = "row_assignments"  # fact: what decides which row a value has, by field


def assign_tiers(context: DayContext) -> JobResult:
    """By the config's policy, which knows the tiers of the day before where there was one."""
    check_same_baseline(context, PRUNING, IMPORTANCE)
    lake, config, day = context.lake, context.config, context.day
    model = pruned_baseline(lake, config, day)
    before = _tiers_of_the_day_before(context, model)
    situation = Situation(
        model=model,
        tables=tuple(_table_rows(context, name, before) for name in model.kept),
        batches=lambda: _batches(context, model),
        float_bytes=config.float_bytes,
    )
    outcome = assign(config.tiers, situation)
    codes = {name: of_table.cpu().numpy() for name, of_table in outcome.tables.tier_codes.items()}
    figures = {**outcome.figures, **_figures(codes, before)}
    with context.writer(ROW_TIERS) as writer:
        for name, of_table in codes.items():
            write_row_tiers(writer, name, of_table)
        write_table_params(writer, outcome.tables.params)
        facts = {**figures, ROW_IDS: _row_assignments(context, model)}
        writer.commit(_inputs(context, model), facts)
    headline = f"tiers of {day} by {config.tiers.policy}: {outcome.figures['ratio']:.2f} × smaller"
    return JobResult(headline, figures)


def _tiers_of_the_day_before(context: DayContext, model: CtrModel) -> dict[str, np.ndarray]:
    """Of the fields that had a table then, whose row ids mean the same values now."""
    lake, yesterday = context.lake, _day_before(context)
    marker = lake.find_marker(yesterday.partition(ROW_TIERS))
    if marker is None:
        log.info("no tiers of the day before: hysteresis begins with this day")
        return {}
    assignments = _row_assignments(context, model)
    same = [
        name for name in model.kept if marker.facts.get(ROW_IDS, {}).get(name) == assignments[name]
    ]
    found = {name: find_row_tiers(lake, name, yesterday.day) for name in same}
    return {name: codes for name, codes in found.items() if codes is not None}


def _day_before(context: DayContext) -> DayContext:
    return replace(context, day=context.day - timedelta(days=1))


def _row_assignments(context: DayContext, model: CtrModel) -> dict[str, str]:
    return {name: context.config.field(name).row_assignment for name in model.kept}


def _table_rows(context: DayContext, name: str, before: dict[str, np.ndarray]) -> TableRows:
    field = context.config.field(name)
    priority = load_priority(context.lake, context.config, name, context.day)
    previous = None
    if name in before:  # the table may have grown since
        previous = np.full(field.num_embeddings, NO_TIER, dtype=np.uint8)
        known = before[name][: field.num_embeddings]
        previous[: len(known)] = known
    return TableRows(name, field.embedding_dim, priority, previous=previous)


def _batches(context: DayContext, model: CtrModel) -> Iterator[Batch]:
    """The beginning of the day's training slice: enough to tell the fields' curvatures."""
    config, wanted = context.config, _training_slice(context)
    most = config.importance.max_examples
    reader = ExampleReader(context.lake, config, wanted, fields=model.kept, max_examples=most)
    return batches_on(model.device, reader, config.importance.batch_size)


def _training_slice(context: DayContext) -> Slice:
    return training_slice(context.lake, context.config, context.day)


def _figures(codes: dict[str, np.ndarray], before: dict[str, np.ndarray]) -> dict[str, Any]:
    counts = [rows_by_tier(of_table) for of_table in codes.values()]
    by_field = churn(codes, before)
    moved = {name: part.share for name, part in by_field.items() if part.changed}
    return {
        "rows_by_tier": {tier: sum(rows[tier] for rows in counts) for tier in TIERS},
        "churn": total(by_field).share,
        "churn_by_field": dict(sorted(moved.items(), key=lambda item: (-(item[1] or 0), item[0]))),
    }


def _inputs(context: DayContext, model: CtrModel) -> dict[str, str]:
    inputs = priorities_read(context, model.kept) | {
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": context.marker(IMPORTANCE).fingerprint,
        "pruning": context.marker(PRUNING).fingerprint,
    }
    before = _day_before(context).partition(ROW_TIERS)
    if marker := context.lake.find_marker(before):
        inputs[before.path] = marker.fingerprint
    if isinstance(context.config.tiers, LossAware):
        inputs |= examples_read(context, _training_slice(context))
    return inputs
