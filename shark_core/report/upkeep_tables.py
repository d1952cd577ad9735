"""What verify, expire and fsck found, as tables for people and documents for programs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from rich.table import Table

from shark_core.publish.fsck import Finding
from shark_core.publish.retention import Expiring, ExpiryPlan
from shark_core.publish.verification import Verification
from shark_core.report.numbers import size
from shark_core.report.terminal_table import FOLDED, WHOLE, add_rows, terminal_table


def verification_document(found: Verification) -> dict[str, Any]:
    return {**asdict(found), "problems": found.problems}


def verification_table(found: Verification) -> Table:
    table = terminal_table(checked=FOLDED, size=WHOLE, result=FOLDED)
    files = ((each.key, size(each.bytes), each.problem or "intact") for each in found.files)
    tables = (
        (f"table of {each.field}", f"{each.rows:,} rows", each.problem or "decoded")
        for each in found.tables
    )
    beyond = ((f"table of {each}", "", "beyond the sample") for each in found.not_decoded)
    return add_rows(table, (*files, *tables, *beyond))


def expiry_document(plan: ExpiryPlan) -> dict[str, Any]:
    """Data by attempt, with how many objects: their keys would be thousands."""
    return {
        "bytes": plan.bytes,
        "kept": list(plan.kept),
        "snapshots": list(map(_expiring_document, plan.snapshots)),
        "data": list(map(_expiring_document, plan.attempts)),
        "leftovers": list(map(_expiring_document, plan.leftovers)),
    }


def expiry_table(plan: ExpiryPlan, spared: Collection[str]) -> Table:
    """`spared` snapshots of the plan stayed, as they were wanted again."""
    table = terminal_table(what=WHOLE, name=FOLDED, objects=WHOLE, bytes=WHOLE, reason=FOLDED)
    parts = {"snapshot": plan.snapshots, "data": plan.attempts, "leftover": plan.leftovers}
    return add_rows(
        table,
        (
            (what, each.of, len(each.objects), size(each.bytes), _reason(each, spared))
            for what, part in parts.items()
            for each in part
        ),
    )


def _reason(expiring: Expiring, spared: Collection[str]) -> str:
    stays = expiring.of.split("/")[0] in spared
    return "stays: wanted again" if stays else expiring.reason


def findings_document(findings: Iterable[Finding]) -> dict[str, Any]:
    return {"findings": [asdict(finding) for finding in findings]}


def findings_table(findings: Iterable[Finding]) -> Table:
    table = terminal_table(key=FOLDED, what=FOLDED, bytes=WHOLE, remedy=FOLDED)
    return add_rows(
        table,
        (
            (each.key, each.what, size(each.bytes) if each.bytes else "", each.remedy)
            for each in findings
        ),
    )


def _expiring_document(expiring: Expiring) -> dict[str, Any]:
    return {
        "name": expiring.of,
        "reason": expiring.reason,
        "objects": len(expiring.objects),
        "bytes": expiring.bytes,
    }
