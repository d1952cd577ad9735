"""`python -m jobs export`: write a published snapshot as torch or FBGEMM has it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.console import ConfigOption, JsonOption, open_catalog, progress_bar, show
from jobs.context import JobResult

if TYPE_CHECKING:
    from shark_core.publish.catalog import Catalog
    from shark_core.publish.export_folder import Export
    from shark_core.publish.manifest import Manifest


class Target(StrEnum):
    TORCH = "torch"
    FBGEMM = "fbgemm"


SnapshotOption = Annotated[
    str,
    typer.Option("--snapshot", help="A ref, an id, or at least 6 digits that it begins with."),
]
TargetOption = Annotated[
    Target,
    typer.Option(
        "--to", help="torch: a state_dict in fp32. fbgemm: packed rows for its IntNBit module."
    ),
]
OutOption = Annotated[
    Path, typer.Option("--out", help="A folder that is empty or not there yet, on this machine.")
]


def export(
    config: ConfigOption,
    snapshot: SnapshotOption,
    to: TargetOption,
    out: OutOption,
    as_json: JsonOption = False,
) -> None:
    """Write a snapshot's tables and dense part into a folder for torch or FBGEMM.

    The folder appears when all of it is written. A table at a time is in memory.

    Example: python -m jobs export --config FILE --snapshot production --to torch --out exported
    """
    from shark_core.publish.snapshot_names import named_snapshot

    catalog = open_catalog(config)
    manifest = named_snapshot(catalog, snapshot)
    found = _exporter(to)(catalog, manifest)
    with progress_bar("export", found.nbytes) as progress:
        found.write(out, progress)
    figures = {
        "snapshot": manifest.snapshot_id,
        "to": to.value,
        "out": str(out),
        "tables": len(manifest.tables),
        "bytes": sum(path.stat().st_size for path in out.iterdir()),
    }
    show(JobResult(f"exported snapshot {manifest.snapshot_id} to {out}", figures), as_json)


def _exporter(to: Target) -> Callable[[Catalog, Manifest], Export]:
    from shark_core.publish.export_fbgemm import fbgemm_export
    from shark_core.publish.export_torch import torch_export

    return {Target.TORCH: torch_export, Target.FBGEMM: fbgemm_export}[to]
