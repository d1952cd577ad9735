"""Score every field's importance: baseline checkpoint + validation slice → importance.json."""

from __future__ import annotations

from dataclasses import asdict

from jobs.context import DayContext, JobResult
from shark_core.importance.agreement import WayOfScoring
from shark_core.importance.report import FILE_NAME, ImportanceReport
from shark_core.importance.slices import ScoredSlice
from shark_core.models.checkpoint import load_checkpoint
from shark_core.models.device import choose_device
from shark_core.schemas import CHECKPOINT, EXAMPLES, IMPORTANCE
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import validation_slice


def score_fields(context: DayContext) -> JobResult:
    """Two passes over the validation slice, at most `importance.max_examples` of it, its first."""
    report = _score(context)
    inputs = {
        "examples": context.marker(EXAMPLES).fingerprint,
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
    }
    examples, scoring = report.fields[0].examples, WayOfScoring.of(context.config.importance)
    with context.writer(IMPORTANCE) as writer:
        writer.write_bytes(FILE_NAME, report.to_json().encode())
        writer.commit(inputs, {"examples": examples, **asdict(scoring)})
    scores = {
        entry.field: f"{entry.score:.3g} ± {entry.standard_error:.1g}"
        for entry in sorted(report.fields, key=lambda entry: (entry.score, entry.field))
    }
    figures = {"examples": examples, "importance": scores}
    return JobResult(f"scored {len(scores)} fields of {context.day}", figures)


def _score(context: DayContext) -> ImportanceReport:
    config, lake = context.config, context.lake
    source = context.partition(CHECKPOINT, stage="baseline")
    model = load_checkpoint(lake, source, config).to(choose_device(config.training))
    wanted = validation_slice(lake, config, context.day)
    reader = ExampleReader(lake, config, wanted, max_examples=config.importance.max_examples)
    examples = ScoredSlice(model, reader, config.importance, config.training.seed)
    means = examples.means()
    return ImportanceReport.of(config.importance.method, means, examples.scores(means))
