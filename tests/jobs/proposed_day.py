"""Days whose scores are written by hand, so that tests choose what is proposed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from jobs.context import DayContext
from shark_core.importance.agreement import FILE_NAME as AGREEMENT_FILE
from shark_core.importance.agreement import Agreement
from shark_core.importance.report import FILE_NAME as IMPORTANCE_FILE
from shark_core.importance.report import FieldImportance, ImportanceReport
from shark_core.publish.lake_store import store_for
from shark_core.publish.plan_log import PlanLog
from shark_core.schemas import AGREEMENT, CHECKPOINT, IMPORTANCE
from tests.example_lake import DAY, tiny_config

SCORES = {"user": 0.0001, "item": 0.5, "tags": 0.002}  # prunes user, and no other
LIMITS = {"max_predicted_loss": 0.001}


def scored_by_hand(
    root: Path,
    day: date = DAY,
    scores: dict[str, float] = SCORES,
    run_id: str = "nightly-7",
    **limits: Any,
) -> DayContext:
    """`limits` go to the config's section `pruning`."""
    context = DayContext(tiny_config(root, pruning={**LIMITS, **limits}), day, run_id)
    fields = tuple(FieldImportance(name, score, 1e-5, 500) for name, score in scores.items())
    report = ImportanceReport("logit_taylor", fields, dict.fromkeys(scores, (0.0,)))
    agreement = Agreement.of(scores, scores, examples=500, top_k=2, min_spearman=0.9)
    with context.writer(CHECKPOINT, stage="baseline") as writer:
        checkpoint = writer.commit({}).fingerprint
    with context.writer(IMPORTANCE) as writer:
        writer.write_bytes(IMPORTANCE_FILE, report.to_json().encode())
        writer.commit({"checkpoint": checkpoint})
    with context.writer(AGREEMENT) as writer:
        writer.write_bytes(AGREEMENT_FILE, agreement.to_json().encode())
        writer.commit({"checkpoint": checkpoint})
    return context


def plans_of(context: DayContext) -> PlanLog:
    return PlanLog(store_for(context.config), context.config.name)


def statuses(context: DayContext) -> list[tuple[str, str, tuple[str, ...]]]:
    """Of all plans, newest first: day, status, fields."""
    return [(str(plan.day), plan.status, plan.pruned) for plan in plans_of(context).plans()]
