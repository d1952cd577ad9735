"""Compressed against baseline on held-out examples, in all and by slices: → evaluation.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from jobs.context import DayContext, JobResult, priorities_read
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.gates import check_gates
from shark_core.evaluation.result import FILE_NAME, Evaluation
from shark_core.evaluation.slice_members import SliceReader
from shark_core.evaluation.slices import SliceComparison, compare_slices
from shark_core.lake import partition
from shark_core.models.checkpoint import load_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import choose_device
from shark_core.models.predictions import Predictions, predict
from shark_core.publish.compressed_model import rebuild_model
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.schemas import CHECKPOINT, COMPRESSED, EVALUATION, EXAMPLES, VOCABULARY
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, SlicePart, held_out_test_slice
from shark_core.traffic.vocabulary_store import vocabulary_until


def evaluate(context: DayContext) -> JobResult:
    """Judge the day's models on the day's test slice. A failed gate is a result, not an error."""
    test_slice = held_out_test_slice(context.lake, context.config, context.day)
    evaluation, kept = _compare(context, test_slice)
    facts = {**evaluation.figures, "failed_gates": evaluation.failed_gates}
    with context.writer(EVALUATION) as writer:
        writer.write_bytes(FILE_NAME, evaluation.to_json().encode())
        writer.commit(_inputs(context, kept), facts)
    return _result(f"test slice of {context.day}", evaluation)


def evaluate_holdout(context: DayContext, days: Sequence[date]) -> JobResult:
    """Judge the day's models on all examples of other days. Nothing is written."""
    wanted = Slice("hold-out", tuple(SlicePart(day) for day in days))
    named = ", ".join(str(day) for day in days)
    evaluation, _ = _compare(context, wanted)
    return _result(f"models of {context.day} on {named}", evaluation)


def _compare(context: DayContext, judged: Slice) -> tuple[Evaluation, Sequence[str]]:
    """And the fields that the compressed model has."""
    config, lake = context.config, context.lake
    source = context.partition(CHECKPOINT, stage="baseline")
    baseline, _ = _predict(context, judged, lambda: load_checkpoint(lake, source, config))
    compressed, kept = _predict(context, judged, lambda: rebuild_model(config, lake, context.day))
    models = (baseline.labels, baseline.logits, compressed.logits)
    members = SliceReader(lake, config, context.day, kept).members(judged)
    comparison, slices = Comparison.of(*models), compare_slices(members, *models)
    sizes = compressed_sizes(config, context.marker(COMPRESSED))
    gates = check_gates(config.gates, comparison, slices, sizes.ratio)
    return Evaluation(comparison, slices, gates), kept


def _predict(
    context: DayContext, judged: Slice, load: Callable[[], CtrModel]
) -> tuple[Predictions, Sequence[str]]:
    """One model at a time is in memory, and only the fields that it has are read."""
    config = context.config
    model = load().to(choose_device(config.training))
    reader = ExampleReader(context.lake, config, judged, fields=model.kept)
    return predict(model, reader, config.training.batch_size), model.kept


def _inputs(context: DayContext, kept: Sequence[str]) -> dict[str, str]:
    return (
        priorities_read(context, kept)
        | _names_read(context)
        | {
            "examples": context.marker(EXAMPLES).fingerprint,
            "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
            "compressed": context.marker(COMPRESSED).fingerprint,
        }
    )


def _names_read(context: DayContext) -> dict[str, str]:
    """What the slices of `evaluation.slice_field` take their names from."""
    name = context.config.evaluation.slice_field
    if name is None or context.config.field(name).encoding != "vocabulary":
        return {}
    vocabulary = vocabulary_until(context.lake, name, context.day)
    return {
        partition(VOCABULARY, day, field=name).path: marker.fingerprint
        for day, marker in vocabulary.items()
    }


def _result(what: str, evaluation: Evaluation) -> JobResult:
    gates = {
        gate.name: f"{'passed' if gate.passed else 'FAILED'}: {gate.explanation}"
        for gate in evaluation.gates
    }
    failed = len(evaluation.failed_gates)
    verdict = f"{failed} gate(s) failed" if failed else "all gates passed"
    slices = {each.name: _slice_figures(each) for each in evaluation.slices}
    figures: dict[str, Any] = {**evaluation.figures, "slices": slices, "gates": gates}
    return JobResult(f"{what}: {verdict}", figures)


def _slice_figures(found: SliceComparison) -> str:
    auc = found.auc_difference or "not defined"
    log_loss = found.log_loss_difference or "not defined"
    return (
        f"{found.examples:,} examples, {found.positives:,} positive; "
        f"ΔAUC {auc}, Δlog-loss {log_loss}"
    )
