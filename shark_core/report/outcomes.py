"""From the day's plan, importances and sizes to the rows of the report. Pure functions."""

from __future__ import annotations

from shark_core.config import PipelineConfig
from shark_core.importance.report import ImportanceReport
from shark_core.pruning.outcome import LossChange, PruningOutcome, Step
from shark_core.pruning.plan import Decision as Planned
from shark_core.pruning.plan import PruningPlan
from shark_core.publish.table_sizes import CONSTANT_BYTES, CompressedSizes
from shark_core.report.run_report import Bytes, Decision, FieldOutcome, TierMix


def field_outcomes(
    config: PipelineConfig,
    plan: PruningPlan,
    importance: ImportanceReport,
    pruning: PruningOutcome,
    sizes: CompressedSizes,
) -> tuple[FieldOutcome, ...]:
    """One outcome a field, in the config's order. A pruned field still takes its constant."""
    scores = {entry.field: entry for entry in importance.fields}
    planned = {decision.field: decision for decision in plan.decisions}
    decided = {name: _decided(planned[name], pruning) for name in planned}
    return tuple(
        FieldOutcome(
            field=field.name,
            encoding=field.encoding,
            num_embeddings=field.num_embeddings,
            embedding_dim=field.embedding_dim,
            importance=scores[field.name].score,
            standard_error=scores[field.name].standard_error,
            predicted=_predicted(planned[field.name]),
            decision=decided[field.name][0],
            reason=decided[field.name][1],
            bytes_before=field.float_bytes,
            bytes_after=sizes.field_disk_bytes(field.name) or field.embedding_dim * CONSTANT_BYTES,
        )
        for field in config.fields
    )


def _predicted(planned: Planned) -> LossChange:
    return LossChange(planned.predicted_loss, planned.low, planned.high)


def _decided(planned: Planned, pruning: PruningOutcome) -> tuple[Decision, str]:
    """What happened to a field and why: what was measured counts before what was planned."""
    name = planned.field
    accepted = [step for step in pruning.accepted if name in step.fields]
    if name in pruning.pruned:
        return "pruned", _figures(accepted[-1])
    undone = [step for step in pruning.undone if name in step.fields]
    if undone:
        return "undone", pruning.kept.get(name) or _figures(undone[-1])
    if name in pruning.kept:
        return "kept", pruning.kept[name]
    why = planned.reason.removeprefix("kept: ").removeprefix("pruned: ")
    return ("proposed" if planned.action == "prune" else "kept"), why


def _figures(step: Step) -> str:
    return f"step {step.number:02}: measured {step.measured}, in all {step.total}"


def bytes_of(sizes: CompressedSizes) -> Bytes:
    return Bytes(
        before=sizes.float_bytes,
        after=sizes.disk_bytes,
        payload=sizes.payload_bytes,
        memory=sizes.memory_bytes,
        constants=sizes.constant_bytes,
    )


def tier_mix(sizes: CompressedSizes) -> tuple[TierMix, ...]:
    return tuple(TierMix(tier, rows, size) for tier, (rows, size) in sizes.tier_mix().items())
