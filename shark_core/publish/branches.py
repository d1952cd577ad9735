"""The branches of a lake, each with the ref of its name: which there are, and which may go.

A branch goes whole, and its ref with it; what it published goes with the next expire of snapshots.
One whose snapshot another ref points to, such as `production` after a promotion, stays: its report
is there, and what `publish` needs to put damaged files right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import pyarrow.fs as pafs

from shark_core import lake_branch
from shark_core.errors import DataError
from shark_core.lake import Lake
from shark_core.publish.catalog import Catalog
from shark_core.publish.snapshot_names import refs_by_snapshot
from shark_core.ref_names import is_ref_name


@dataclass(frozen=True)
class Branch:
    """`written`: when its newest file was, by the storage's clock. `snapshot_id`: what the ref of
    its name points to; None where it has published nothing. `refs`: others that point there too.
    """

    name: str
    files: int
    bytes: int
    written: datetime
    snapshot_id: str | None
    refs: tuple[str, ...]


def branches(lake: Lake, catalog: Catalog) -> list[Branch]:
    """All branches that have files, the one written to last first."""
    refs = refs_by_snapshot(catalog)
    published = {ref: snapshot_id for snapshot_id, names in refs.items() for ref in names}
    found = [
        Branch(
            name=name,
            files=len(files),
            bytes=sum(file.size for file in files),
            written=max(file.mtime for file in files),
            snapshot_id=(snapshot_id := published.get(name)),
            refs=tuple(ref for ref in refs.get(snapshot_id or "", []) if ref != name),
        )
        for name, files in _files(lake).items()
    ]
    return sorted(found, key=lambda branch: branch.written, reverse=True)


def why_kept(branch: Branch, keep: timedelta, now: datetime) -> str:
    """Empty for a branch that nobody has written to for longer than `keep`, and no ref needs."""
    if branch.refs:
        return f"{', '.join(branch.refs)} has its snapshot"
    return "written to lately" if branch.written >= now - keep else ""


def named(found: Sequence[Branch], name: str) -> list[Branch]:
    """The branch of that name alone. Raises `DataError` where there is none."""
    chosen = [branch for branch in found if branch.name == name]
    if not chosen:
        raise DataError(
            "no such branch",
            expected=f"one of {[branch.name for branch in found]}",
            found=name,
            remedy="look at `python -m jobs branches list`",
        )
    return chosen


def remove(lake: Lake, catalog: Catalog, branch: Branch) -> None:
    """Safe to repeat: the folder, by which the branch is found, goes last."""
    catalog.log(branch.name).remove()
    folder = lake_branch.folder_of(branch.name)
    with lake.writing(folder):
        lake.filesystem.delete_dir(lake.absolute(folder))


def _files(lake: Lake) -> dict[str, list[pafs.FileInfo]]:
    """A branch's name → its files."""
    found: dict[str, list[pafs.FileInfo]] = defaultdict(list)
    for info in _below(lake, lake_branch.FOLDER):
        path = PurePosixPath(info.path).relative_to(lake.absolute(lake_branch.FOLDER))
        if info.type == pafs.FileType.File and is_ref_name(path.parts[0]):
            found[path.parts[0]].append(info)
    return found


def _below(lake: Lake, folder: str) -> Iterator[pafs.FileInfo]:
    selector = pafs.FileSelector(lake.absolute(folder), allow_not_found=True, recursive=True)
    with lake.reading(folder):
        yield from lake.filesystem.get_file_info(selector)
