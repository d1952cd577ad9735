"""`python -m jobs refs …`: look at the refs of a model, move one, roll one back."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.console import ConfigOption, JsonOption, show
from jobs.context import JobResult
from shark_core.config import load_config
from shark_core.errors import DataError, GateFailed

if TYPE_CHECKING:
    from shark_core.publish.catalog import Catalog

refs_app = typer.Typer(
    no_args_is_help=True, help="Show, promote and roll back refs such as 'production'."
)

RefOption = Annotated[str, typer.Option("--ref", help="Such as candidate or production.")]
SnapshotOption = Annotated[str, typer.Option("--snapshot", help="The snapshot's 16 hex digits.")]
ExpectOption = Annotated[
    str | None, typer.Option("--expect", help="Refuse unless the ref points to this snapshot.")
]
DespiteOption = Annotated[
    bool, typer.Option("--despite-failed-gates", help="Promote although a gate failed.")
]


@refs_app.command("show")
def show_refs(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Where each ref points to: snapshot, its day, its gates."""
    catalog = _catalog(config)
    figures = {ref: _snapshot(catalog, _head(catalog, ref)) for ref in catalog.refs()}
    show(JobResult(f"refs of {catalog.model}", figures), as_json)


@refs_app.command("history")
def show_history(config: ConfigOption, ref: RefOption, as_json: JsonOption = False) -> None:
    """Every move of a ref, newest first."""
    catalog = _catalog(config)
    if ref not in catalog.refs():
        raise DataError(
            f"there is no ref {ref!r}",
            expected=f"one of {catalog.refs()}",
            found=ref,
            where=f"the registry of {catalog.model}",
            remedy="name a ref that exists; publish makes 'candidate', release 'production'",
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


@refs_app.command("promote")
def promote(
    config: ConfigOption,
    ref: RefOption,
    snapshot: SnapshotOption,
    expect: ExpectOption = None,
    despite_failed_gates: DespiteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Point a ref at a snapshot. One small file is written; nothing is copied.

    Example: python -m jobs refs promote --config FILE --ref production --snapshot 0123456789abcdef
    """
    catalog = _catalog(config)
    if not despite_failed_gates:
        _require_gates(catalog, snapshot)
    head = catalog.head(ref)
    number, found = (head.number + 1, head.snapshot_id) if head else (0, None)
    if found == snapshot:
        show(JobResult(f"{ref!r} points to {snapshot} already"), as_json)
        return
    entry = catalog.promote(ref, snapshot, f"manual-{number}-{snapshot}", expect or found)
    _show_move(ref, found, entry.snapshot_id, as_json)


@refs_app.command("rollback")
def rollback(
    config: ConfigOption, ref: RefOption, expect: ExpectOption = None, as_json: JsonOption = False
) -> None:
    """Point a ref at what it pointed to before; again to go further back.

    Example: python -m jobs refs rollback --config FILE --ref production
    """
    catalog = _catalog(config)
    found = _head(catalog, ref)
    entry = catalog.rollback(ref, expect or found)
    _show_move(ref, found, entry.snapshot_id, as_json)


def _catalog(config_path: ConfigOption) -> Catalog:
    from shark_core.publish.catalog import Catalog
    from shark_core.publish.lake_store import store_for

    config = load_config(config_path)
    return Catalog(store_for(config), config.name)


def _head(catalog: Catalog, ref: str) -> str | None:
    head = catalog.head(ref)
    return head.snapshot_id if head else None


def _snapshot(catalog: Catalog, snapshot_id: str | None) -> dict[str, object]:
    if snapshot_id is None:
        return {}
    manifest = catalog.snapshot(snapshot_id)
    return {
        "snapshot": snapshot_id,
        "day": manifest.start.date().isoformat(),
        "failed_gates": ", ".join(manifest.failed_gates) or "none",
    }


def _require_gates(catalog: Catalog, snapshot_id: str) -> None:
    if failed := catalog.snapshot(snapshot_id).failed_gates:
        raise GateFailed(
            f"snapshot {snapshot_id} is not promoted",
            expected="all gates passed",
            found=f"failed: {', '.join(failed)}",
            where=f"snapshot {snapshot_id} of {catalog.model}",
            remedy="promote another snapshot, or add --despite-failed-gates if you know better",
        )


def _show_move(ref: str, before: str | None, after: str, as_json: bool) -> None:
    figures = {"ref": ref, "before": before, "after": after}
    show(JobResult(f"{ref!r} points to {after}", figures), as_json)
