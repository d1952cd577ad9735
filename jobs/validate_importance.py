"""Check the day's way of scoring against true mean-replacement: → agreement.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jobs.context import DayContext, JobResult, check_same_baseline, log
from shark_core.config_sections import Importance
from shark_core.errors import DataError
from shark_core.importance.agreement import (
    FILE_NAME,
    Agreement,
    WayOfScoring,
    warning_on,
)
from shark_core.importance.score_sums import ScoreSums
from shark_core.importance.slices import ScoredSlice
from shark_core.models.checkpoint import load_checkpoint
from shark_core.models.device import choose_device
from shark_core.schemas import AGREEMENT, CHECKPOINT, EXAMPLES, IMPORTANCE
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import validation_slice


def validate_importance(context: DayContext) -> JobResult:
    """Both on the same bounded sample: the first examples of the validation slice.

    The agreement vouches for the day's importances, which its marker names. Raises `DataError`
    where they were scored in another way than the config's, and `GateFailed` below
    `validation.min_spearman` where `on_disagreement` is `stop`; the figures are written before.
    """
    _check_scored_likewise(context)
    agreement = _compare(context)
    facts = _facts(agreement)
    inputs = {
        "examples": context.marker(EXAMPLES).fingerprint,
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": context.marker(IMPORTANCE).fingerprint,
    }
    with context.writer(AGREEMENT) as writer:
        writer.write_bytes(FILE_NAME, agreement.to_json().encode())
        writer.commit(inputs, facts)
    where = context.lake.location(context.partition(AGREEMENT).path)
    if warning := warning_on(agreement, context.config.importance.validation, where):
        log.warning("%s", warning)
    pairs = {
        pair.field: f"{pair.score:.3g}, truly {pair.true_loss:.3g}"
        for pair in sorted(agreement.fields, key=lambda pair: (pair.true_loss, pair.field))
    }
    headline = f"Spearman {agreement.spearman:.3f} against true mean-replacement on {context.day}"
    return JobResult(headline, {**facts, "scores": pairs})


def _check_scored_likewise(context: DayContext) -> None:
    """Else the agreement would be one of scores that the day does not have."""
    check_same_baseline(context, IMPORTANCE)
    wanted = asdict(WayOfScoring.of(context.config.importance))
    facts = context.marker(IMPORTANCE).facts
    found = {key: facts.get(key) for key in wanted}
    if found != wanted:
        raise DataError(
            "the day's importances were scored in another way than the config's",
            expected=wanted,
            found=found,
            where=context.lake.location(context.partition(IMPORTANCE).path),
            remedy="run `python -m jobs score-fields` for this day again with the present config",
        )


def _compare(context: DayContext) -> Agreement:
    config, lake = context.config, context.lake
    settings, checks = config.importance, config.importance.validation
    source = context.partition(CHECKPOINT, stage="baseline")
    model = load_checkpoint(lake, source, config).to(choose_device(config.training))
    most = min(checks.max_examples, settings.max_examples)
    wanted = validation_slice(lake, config, context.day)
    reader = ExampleReader(lake, config, wanted, max_examples=most)
    sample = ScoredSlice(model, reader, settings, config.training.seed)
    means = sample.means()
    fast = sample.scores(means)
    truth = WayOfScoring.of(settings).truth
    exact = Importance.model_validate({**settings.model_dump(), **asdict(truth)})
    return Agreement.of(
        _by_field(fast),
        _by_field(sample.scores(means, exact)),
        means.examples,
        checks.top_k,
        checks.min_spearman,
        WayOfScoring.of(settings),
    )


def _by_field(scores: ScoreSums) -> dict[str, float]:
    return {name: scores.score(name) for name in scores.sums}


def _facts(agreement: Agreement) -> dict[str, Any]:
    return {
        "spearman": agreement.spearman,
        "min_spearman": agreement.min_spearman,
        "top_k": agreement.top_k,
        "overlap": agreement.overlap,
        "examples": agreement.examples,
        "trusted": agreement.trusted,
    }
