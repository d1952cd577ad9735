"""`python -m jobs release …`: look at the refs of a model, move one, roll one back."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.console import ConfigOption, JsonOption, open_catalog, show
from jobs.context import JobResult
from shark_core.errors import DataError, RetryableError

if TYPE_CHECKING:
    from shark_core.publish.catalog import Catalog
    from shark_core.publish.ref_log import RefEntry

release_app = typer.Typer(
    no_args_is_help=True, help="Show, promote and roll back refs such as 'production'."
)

OTHER_OR_DESPITE = "promote another snapshot, or add --despite-failed-gates if you know better"

RefOption = Annotated[str, typer.Option("--ref", help="Such as candidate or production.")]
SnapshotOption = Annotated[
    str,
    typer.Option("--snapshot", help="Its id, at least 6 digits that it begins with, or a ref."),
]
ExpectOption = Annotated[
    str | None,
    typer.Option("--expect", help="Refuse unless the ref points to this snapshot: its full id."),
]
DespiteOption = Annotated[
    bool, typer.Option("--despite-failed-gates", help="Promote although a gate failed.")
]


@release_app.command("show")
def show_refs(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Where each ref points to: snapshot, its day, its gates.

    Example: python -m jobs release show --config FILE
    """
    catalog = open_catalog(config)
    figures = {ref: _snapshot(catalog, _head(catalog, ref)) for ref in catalog.refs()}
    show(JobResult(f"refs of {catalog.model}", figures), as_json)


@release_app.command("history")
def show_history(config: ConfigOption, ref: RefOption, as_json: JsonOption = False) -> None:
    """Every move of a ref, newest first.

    Example: python -m jobs release history --config FILE --ref production
    """
    catalog = open_catalog(config)
    if ref not in catalog.refs():
        raise DataError(
            f"there is no ref {ref!r}",
            expected=f"one of {catalog.refs()}",
            found=ref,
            where=f"the registry of {catalog.model}",
            remedy="name a ref that exists; publish makes 'candidate', promotion 'production'",
        )
    moves = {
        str(entry.number): {
            **_snapshot(catalog, entry.snapshot_id),
            "by": entry.promotion_id,
            "at": f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        }
        for entry in catalog.history(ref)
    }
    show(JobResult(f"{len(moves)} move(s) of {ref!r} of {catalog.model}", moves), as_json)


@release_app.command("promote")
def promote(
    config: ConfigOption,
    ref: RefOption,
    snapshot: SnapshotOption,
    expect: ExpectOption = None,
    despite_failed_gates: DespiteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Point a ref at a snapshot. One small file is written; nothing is copied.

    Example: python -m jobs release promote --config FILE --ref production --snapshot 3f9a1c
    """
    from shark_core.publish.snapshot_gates import require_gates
    from shark_core.publish.snapshot_names import named_snapshot

    catalog = open_catalog(config)
    manifest = named_snapshot(catalog, snapshot)
    chosen = manifest.snapshot_id
    if not despite_failed_gates:
        require_gates(manifest, OTHER_OR_DESPITE)
    head = catalog.head(ref)
    number, found = (head.number + 1, head.snapshot_id) if head else (0, None)
    if found == chosen:
        figures = {"ref": ref, "before": found, "after": chosen}
        show(JobResult(f"{ref!r} points to {chosen} already", figures), as_json)
        return
    entry = catalog.promote(ref, chosen, f"manual-{number}-{chosen}", expect or found)
    _show_move(ref, found, entry.snapshot_id, as_json)


@release_app.command("rollback")
def rollback(
    config: ConfigOption, ref: RefOption, expect: ExpectOption = None, as_json: JsonOption = False
) -> None:
    """Point a ref at what it pointed to before; again to go further back.

    Example: python -m jobs release rollback --config FILE --ref production
    """
    catalog = open_catalog(config)
    found = _head(catalog, ref)
    entry = _rolled_back(catalog, ref, expect or found)
    _show_move(ref, found, entry.snapshot_id, as_json)


def _rolled_back(catalog: Catalog, ref: str, expect: str | None) -> RefEntry:
    """Repeated as it was, a rollback that was done although its reply was lost goes back twice."""
    try:
        return catalog.rollback(ref, expect)
    except RetryableError as error:
        raise RetryableError(
            "it is not known whether the ref was rolled back",
            found=error,
            where=f"the ref {ref!r} of {catalog.model}",
            remedy=f"run it again with --expect {expect}: where it was done, that is refused",
        ) from error


def _head(catalog: Catalog, ref: str) -> str | None:
    head = catalog.head(ref)
    return head.snapshot_id if head else None


def _snapshot(catalog: Catalog, snapshot_id: str | None) -> dict[str, object]:
    if snapshot_id is None:
        return {}
    try:
        manifest = catalog.find_snapshot(snapshot_id)
    except DataError as error:  # it must not hide the others: somebody is about to roll back
        return {"snapshot": snapshot_id, "day": None, "failed_gates": f"unknown: {error.summary}"}
    if manifest is None:
        return {"snapshot": snapshot_id, "day": None, "failed_gates": "unknown: it has expired"}
    return {
        "snapshot": snapshot_id,
        "day": manifest.start.date().isoformat(),
        "failed_gates": ", ".join(manifest.failed_gates) or "none",
    }


def _show_move(ref: str, before: str | None, after: str, as_json: bool) -> None:
    figures = {"ref": ref, "before": before, "after": after}
    show(JobResult(f"{ref!r} points to {after}", figures), as_json)
