"""`python -m jobs snapshots …`: look at published snapshots, check them, remove old ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from jobs.console import ConfigOption, JsonOption, open_catalog, print_table, progress_bar, show
from jobs.context import JobResult
from shark_core.errors import DataError

snapshots_app = typer.Typer(
    no_args_is_help=True, help="List, show, compare, check and expire published snapshots."
)

SnapshotArgument = Annotated[
    str, typer.Argument(help="A ref, an id, or at least 6 digits that it begins with.")
]
ApplyOption = Annotated[bool, typer.Option("--apply/--dry-run", help="Delete, or only say what.")]
KeepEntriesOption = Annotated[
    int, typer.Option("--keep-entries", min=1, help="What refs pointed to in so many last moves.")
]
KeepDaysOption = Annotated[
    int, typer.Option("--keep-days", min=0, help="What refs pointed to within so many days.")
]
GraceHoursOption = Annotated[
    int, typer.Option("--grace-hours", min=1, help="Whatever is younger; longer than a publish.")
]
TableBytesOption = Annotated[
    int, typer.Option("--table-bytes", min=0, help="Decode tables of so many bytes in all.")
]
RowsOption = Annotated[int, typer.Option("--rows", min=1, help="Rows decoded of each table.")]


@snapshots_app.command("list")
def list_snapshots(config: ConfigOption, as_json: JsonOption = False) -> None:
    """All snapshots, the newest day first: bytes, ratio, gates, and the refs that point there.

    Example: python -m jobs snapshots list --config FILE
    """
    from shark_core.report.snapshot_tables import snapshot_lines, snapshots_table

    catalog = open_catalog(config)
    lines = snapshot_lines(catalog)
    headline = f"{len(lines)} snapshot(s) of {catalog.model}"
    if as_json:
        show(JobResult(headline, {"snapshots": lines}), as_json)
        return
    show(JobResult(headline), as_json)
    print_table(snapshots_table(lines))


@snapshots_app.command("show")
def show_snapshot(
    config: ConfigOption, snapshot: SnapshotArgument, as_json: JsonOption = False
) -> None:
    """One snapshot: where it comes from, its metrics and gates, and the tables that it holds.

    Example: python -m jobs snapshots show --config FILE candidate
    """
    from shark_core.publish.snapshot_names import named_snapshot, refs_by_snapshot
    from shark_core.report import snapshot_tables

    catalog = open_catalog(config)
    manifest = named_snapshot(catalog, snapshot)
    refs = refs_by_snapshot(catalog).get(manifest.snapshot_id, [])
    headline = f"snapshot {manifest.snapshot_id} of {manifest.start.date()}"
    if as_json:
        show(JobResult(headline, snapshot_tables.snapshot_document(manifest, refs)), as_json)
        return
    show(JobResult(headline, snapshot_tables.snapshot_figures(manifest, refs)), as_json)
    print_table(snapshot_tables.tables_table(manifest))


@snapshots_app.command("diff")
def diff(
    config: ConfigOption,
    before: SnapshotArgument,
    after: SnapshotArgument,
    as_json: JsonOption = False,
) -> None:
    """What differs between two snapshots: fields, rows by tier, bytes, metrics, gates.

    Example: python -m jobs snapshots diff --config FILE production candidate
    """
    from shark_core.publish.snapshot_diff import diff_snapshots
    from shark_core.publish.snapshot_names import named_snapshot
    from shark_core.report import snapshot_tables

    catalog = open_catalog(config)
    found = diff_snapshots(named_snapshot(catalog, before), named_snapshot(catalog, after))
    headline = f"from snapshot {found.before} to {found.after}"
    if as_json:
        show(JobResult(headline, snapshot_tables.diff_document(found)), as_json)
        return
    show(JobResult(headline, {**snapshot_tables.diff_figures(found)}), as_json)
    print_table(snapshot_tables.changed_tables_table(found))
    print_table(snapshot_tables.metrics_table(found))


@snapshots_app.command("verify")
def verify(
    config: ConfigOption,
    snapshot: SnapshotArgument,
    table_bytes: TableBytesOption = 1_000_000_000,
    rows: RowsOption = 1_000,
    as_json: JsonOption = False,
) -> None:
    """Read all files of a snapshot again: sizes, checksums; decode a sample of its tables.

    Ends with 65 where something is damaged.

    Example: python -m jobs snapshots verify --config FILE production
    """
    from shark_core.publish import verification
    from shark_core.publish.snapshot_names import named_snapshot
    from shark_core.report.upkeep_tables import verification_document, verification_table

    catalog = open_catalog(config)
    manifests = verification.manifests_read(catalog, named_snapshot(catalog, snapshot))
    total = sum(file.bytes for manifest in manifests for file in manifest.files)
    sample = verification.Sample(table_bytes, rows)
    with progress_bar("verify", total) as progress:
        found = verification.verify(catalog, manifests, sample, progress)
    headline = (
        f"snapshot {found.snapshot_id}: {len(found.files)} file(s) read, {len(found.tables)} "
        f"table(s) decoded, {found.problems} problem(s)"
    )
    show(JobResult(headline, verification_document(found) if as_json else {}), as_json)
    if not as_json:
        print_table(verification_table(found))
    if found.problems:
        raise _broken(f"snapshot {found.snapshot_id}", found.problems, "roll refs on it back")


@snapshots_app.command("expire")
def expire(
    config: ConfigOption,
    apply: ApplyOption = False,
    keep_entries: KeepEntriesOption = 10,
    keep_days: KeepDaysOption = 30,
    grace_hours: GraceHoursOption = 24,
    as_json: JsonOption = False,
) -> None:
    """Say which snapshots no ref needs any more, and which data is of no snapshot; remove them.

    What a kept snapshot is read from stays too. It may run beside publishes and be run again.

    Example: python -m jobs snapshots expire --config FILE --keep-days 90 --apply
    """
    from shark_core.publish import expiry
    from shark_core.publish.retention import RetentionPolicy, plan_expiry
    from shark_core.publish.storage_clock import storage_time
    from shark_core.report.upkeep_tables import expiry_document, expiry_table

    catalog = open_catalog(config)
    policy = RetentionPolicy(keep_entries, timedelta(days=keep_days), timedelta(hours=grace_hours))
    seen = expiry.survey(catalog)
    plan = plan_expiry(seen, policy, storage_time(catalog) if apply else datetime.now(UTC))
    headline = f"{len(plan.snapshots)} snapshot(s) and {plan.bytes:,} bytes may go; a dry run"
    spared: tuple[str, ...] = ()
    removed = 0
    if apply:
        with progress_bar("expire", sum(each.bytes for each in plan.attempts)) as progress:
            done = expiry.expire(catalog, seen, plan, progress)
        headline = f"{len(done.snapshots)} snapshot(s) and {done.bytes:,} bytes are gone"
        spared, removed = done.spared, done.bytes
    outcome = {"applied": apply, "spared": list(spared), "removed_bytes": removed}
    show(JobResult(headline, {**expiry_document(plan), **outcome} if as_json else {}), as_json)
    if not as_json and plan.bytes:
        print_table(expiry_table(plan, spared))


@snapshots_app.command("fsck")
def fsck(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Look for what is damaged, missing or orphaned in the whole registry of the model.

    Ends with 65 where something is broken; orphaned data alone is only reported.

    Example: python -m jobs snapshots fsck --config FILE
    """
    from shark_core.publish.fsck import fsck as check
    from shark_core.report.upkeep_tables import findings_document, findings_table

    catalog = open_catalog(config)
    findings = check(catalog)
    broken = sum(finding.broken for finding in findings)
    headline = f"registry of {catalog.model}: {len(findings)} finding(s), {broken} of them broken"
    show(JobResult(headline, findings_document(findings) if as_json else {}), as_json)
    if findings and not as_json:
        print_table(findings_table(findings))
    if broken:
        raise _broken(f"the registry of {catalog.model}", broken, "see each finding's remedy")


def _broken(where: str, problems: int, remedy: str) -> DataError:
    found = f"{problems} problem(s)"
    return DataError("published data is damaged", found=found, where=where, remedy=remedy)
