"""Check the day's way of scoring against true mean-replacement: → agreement.json."""

from __future__ import annotations

from typing import Any

from jobs.context import DayContext, JobResult, log
from shark_core.config_sections import Importance
from shark_core.errors import GateFailed
from shark_core.importance.agreement import FILE_NAME, Agreement
from shark_core.importance.score_sums import ScoreSums
from shark_core.importance.slices import ScoredSlice
from shark_core.models.checkpoint import load_checkpoint
from shark_core.models.device import choose_device
from shark_core.schemas import AGREEMENT, CHECKPOINT, EXAMPLES
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import validation_slice

TRUTH = {"method": "permutation", "replacement": "mean", "precision": "fp32"}


def validate_importance(context: DayContext) -> JobResult:
    """Both on the same bounded sample: the first examples of the validation slice.

    Raises `GateFailed` below `validation.min_spearman` where `on_disagreement` is `stop`; the
    figures are written before.
    """
    agreement = _compare(context)
    facts = _facts(agreement)
    inputs = {
        "examples": context.marker(EXAMPLES).fingerprint,
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
    }
    with context.writer(AGREEMENT) as writer:
        writer.write_bytes(FILE_NAME, agreement.to_json().encode())
        writer.commit(inputs, facts)
    if agreement.warning:
        _warn(context, agreement, agreement.warning)
    pairs = {
        pair.field: f"{pair.score:.3g}, truly {pair.true_loss:.3g}"
        for pair in sorted(agreement.fields, key=lambda pair: (pair.true_loss, pair.field))
    }
    headline = f"Spearman {agreement.spearman:.3f} against true mean-replacement on {context.day}"
    return JobResult(headline, {**facts, "scores": pairs})


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
    true = sample.scores(means, Importance.model_validate({**settings.model_dump(), **TRUTH}))
    return Agreement.of(
        _by_field(fast), _by_field(true), means.examples, checks.top_k, checks.min_spearman
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


def _warn(context: DayContext, agreement: Agreement, warning: str) -> None:
    if context.config.importance.validation.on_disagreement == "warn":
        log.warning("%s", warning)
        return
    raise GateFailed(
        f"the importances of {context.day} are not to be trusted",
        expected=f"Spearman {agreement.min_spearman:g} at least (importance.validation)",
        found=warning,
        where=context.lake.location(context.partition(AGREEMENT).path),
        remedy="nothing is pruned on this day; change the method, or on_disagreement to warn",
    )
