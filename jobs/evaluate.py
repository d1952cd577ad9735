"""Compressed against baseline on held-out examples: → evaluation.json with the gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from jobs.context import DayContext, JobResult
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.gates import check_gates
from shark_core.evaluation.result import FILE_NAME, Evaluation
from shark_core.models.checkpoint import load_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import choose_device
from shark_core.models.predictions import Predictions, predict
from shark_core.publish.compressed_model import rebuild_model
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.schemas import CHECKPOINT, COMPRESSED, EVALUATION, EXAMPLES
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, SlicePart, held_out_test_slice


def evaluate(context: DayContext) -> JobResult:
    """Judge the day's models on the day's test slice. A failed gate is a result, not an error."""
    evaluation = _compare(context, held_out_test_slice(context.lake, context.config, context.day))
    inputs = {
        "examples": context.marker(EXAMPLES).fingerprint,
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "compressed": context.marker(COMPRESSED).fingerprint,
    }
    facts = {**evaluation.figures, "failed_gates": evaluation.failed_gates}
    with context.writer(EVALUATION) as writer:
        writer.write_bytes(FILE_NAME, evaluation.to_json().encode())
        writer.commit(inputs, facts)
    return _result(f"test slice of {context.day}", evaluation)


def evaluate_holdout(context: DayContext, days: Sequence[date]) -> JobResult:
    """Judge the day's models on all examples of other days. Nothing is written."""
    wanted = Slice("hold-out", tuple(SlicePart(day) for day in days))
    named = ", ".join(str(day) for day in days)
    return _result(f"models of {context.day} on {named}", _compare(context, wanted))


def _compare(context: DayContext, wanted: Slice) -> Evaluation:
    config, lake = context.config, context.lake
    source = context.partition(CHECKPOINT, stage="baseline")
    baseline = _predict(context, wanted, lambda: load_checkpoint(lake, source, config))
    compressed = _predict(context, wanted, lambda: rebuild_model(config, lake, context.day))
    comparison = Comparison.of(baseline.labels, baseline.logits, compressed.logits)
    sizes = compressed_sizes(config, context.marker(COMPRESSED))
    return Evaluation(comparison, check_gates(config.gates, comparison, sizes.ratio))


def _predict(context: DayContext, wanted: Slice, load: Callable[[], CtrModel]) -> Predictions:
    """One model at a time is in memory, and only the fields that it has are read."""
    config = context.config
    model = load().to(choose_device(config.training))
    reader = ExampleReader(context.lake, config, wanted, fields=model.kept)
    return predict(model, reader, config.training.batch_size)


def _result(what: str, evaluation: Evaluation) -> JobResult:
    gates = {
        gate.name: f"{'passed' if gate.passed else 'FAILED'}: {gate.explanation}"
        for gate in evaluation.gates
    }
    failed = len(evaluation.failed_gates)
    verdict = f"{failed} gate(s) failed" if failed else "all gates passed"
    figures: dict[str, Any] = {**evaluation.figures, "gates": gates}
    return JobResult(f"{what}: {verdict}", figures)
