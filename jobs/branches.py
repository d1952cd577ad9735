"""`python -m jobs branches …`: look at the branches of a lake, remove old ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.console import ConfigOption, JsonOption, open_config, print_table, show
from jobs.context import JobResult
from shark_core.lake import Lake

if TYPE_CHECKING:
    from shark_core.publish.catalog import Catalog

branches_app = typer.Typer(
    no_args_is_help=True, help="List and expire what was run with --branch beside the daily runs."
)

ApplyOption = Annotated[bool, typer.Option("--apply/--dry-run", help="Delete, or only say what.")]
KeepDaysOption = Annotated[
    int, typer.Option("--keep-days", min=0, help="What was written to within so many days.")
]
OnlyOption = Annotated[str, typer.Option("--only", help="Only the branch of this name.")]


@branches_app.command("list")
def list_branches(config: ConfigOption, as_json: JsonOption = False) -> None:
    """All branches, the one written to last first: bytes, snapshot, and which refs point there too.

    Example: python -m jobs branches list --config FILE
    """
    from shark_core.publish.branches import branches
    from shark_core.report.upkeep_tables import branches_document, branches_table

    found = branches(*_places(config))
    headline = f"{len(found)} branch(es), {sum(branch.bytes for branch in found):,} bytes"
    show(JobResult(headline, branches_document(found) if as_json else {}), as_json)
    if found and not as_json:
        print_table(branches_table(found))


@branches_app.command("expire")
def expire(
    config: ConfigOption,
    apply: ApplyOption = False,
    keep_days: KeepDaysOption = 30,
    only: OnlyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say which branches nobody has written to lately; remove them, each with its ref.

    A branch whose snapshot a ref points to, such as production, or did lately, stays. What is
    removed frees its snapshots for the next `snapshots expire`.

    Example: python -m jobs branches expire --config FILE --only backfill-7 --keep-days 0 --apply
    """
    from shark_core.publish.branches import branches, named, remove, why_kept
    from shark_core.publish.storage_clock import storage_time
    from shark_core.report.upkeep_tables import judged_branches_document, judged_branches_table

    lake, catalog = _places(config)
    found = branches(lake, catalog)
    keep = timedelta(days=keep_days)
    now = storage_time(catalog) if apply else datetime.now(UTC)
    judged = [(each, why_kept(each, keep, now)) for each in (named(found, only) if only else found)]
    going = [branch for branch, kept in judged if not kept]
    if apply:
        for branch in going:
            remove(lake, catalog, branch)
    outcome = "are gone" if apply else "may go; a dry run"
    headline = f"{len(going)} branch(es) and {sum(each.bytes for each in going):,} bytes {outcome}"
    document = {"applied": apply, **judged_branches_document(judged)}
    show(JobResult(headline, document if as_json else {}), as_json)
    if judged and not as_json:
        print_table(judged_branches_table(judged))


def _places(config_path: ConfigOption) -> tuple[Lake, Catalog]:
    from shark_core.publish.catalog import Catalog
    from shark_core.publish.lake_store import store_for

    config = open_config(config_path)
    return Lake(config.lake), Catalog(store_for(config), config.name)
