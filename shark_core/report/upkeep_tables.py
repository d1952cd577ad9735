"""What verify, expire, fsck and branches found, as tables for people and documents for programs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from rich.table import Table

from shark_core.publish.branches import Branch
from shark_core.publish.fsck import Finding
from shark_core.publish.retention import Expiring, ExpiryPlan
from shark_core.publish.verification import Verification
from shark_core.report.numbers import size
from shark_core.report.terminal_table import FOLDED, WHOLE, add_rows, terminal_table

BRANCH_COLUMNS = {
    "branch": FOLDED,
    "files": WHOLE,
    "bytes": WHOLE,
    "written": WHOLE,
    "snapshot": WHOLE,
}


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


def branches_document(found: Iterable[Branch]) -> dict[str, Any]:
    return {"branches": [asdict(branch) for branch in found]}


def branches_table(found: Iterable[Branch]) -> Table:
    table = terminal_table(**BRANCH_COLUMNS, other_refs=FOLDED)
    return add_rows(table, ((*_branch_cells(each), ", ".join(each.refs)) for each in found))


def judged_branches_document(judged: Iterable[tuple[Branch, str]]) -> dict[str, Any]:
    """`judged`: each with why it is kept; empty for one that goes."""
    return {"branches": [{**asdict(branch), "kept": kept} for branch, kept in judged]}


def judged_branches_table(judged: Iterable[tuple[Branch, str]]) -> Table:
    table = terminal_table(**BRANCH_COLUMNS, verdict=FOLDED)
    return add_rows(
        table,
        ((*_branch_cells(each), f"stays: {kept}" if kept else "goes") for each, kept in judged),
    )


def _branch_cells(branch: Branch) -> tuple[object, ...]:
    return (
        branch.name,
        f"{branch.files:,}",
        size(branch.bytes),
        f"{branch.written:%Y-%m-%d %H:%M}",
        branch.snapshot_id or "none",
    )


def _expiring_document(expiring: Expiring) -> dict[str, Any]:
    return {
        "name": expiring.of,
        "reason": expiring.reason,
        "objects": len(expiring.objects),
        "bytes": expiring.bytes,
    }
