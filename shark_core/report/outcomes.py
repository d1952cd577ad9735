"""From the day's plan, importances and sizes to the rows of the report. Pure functions."""

from __future__ import annotations

from shark_core.config import PipelineConfig
from shark_core.importance.report import ImportanceReport
from shark_core.pruning.plan import PruningPlan
from shark_core.publish.table_sizes import CONSTANT_BYTES, CompressedSizes
from shark_core.report.run_report import Bytes, FieldOutcome, TierMix


def field_outcomes(
    config: PipelineConfig,
    plan: PruningPlan,
    importance: ImportanceReport,
    sizes: CompressedSizes,
) -> tuple[FieldOutcome, ...]:
    """One outcome a field, in the config's order. A pruned field still takes its constant."""
    scores = {entry.field: entry for entry in importance.fields}
    decisions = {decision.field: decision for decision in plan.decisions}
    return tuple(
        FieldOutcome(
            field=field.name,
            encoding=field.encoding,
            num_embeddings=field.num_embeddings,
            embedding_dim=field.embedding_dim,
            importance=scores[field.name].score,
            standard_error=scores[field.name].standard_error,
            action=decisions[field.name].action,
            reason=decisions[field.name].reason,
            bytes_before=field.float_bytes,
            bytes_after=sizes.field_disk_bytes(field.name) or field.embedding_dim * CONSTANT_BYTES,
        )
        for field in config.fields
    )


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
