"""The branches of a lake, each with the ref of its name: which there are, and which may go.

A branch goes whole, and its ref with it; what it published goes with the next expire of snapshots.
One stays whose snapshot a ref of no branch points to, or did in its last moves, such as
`production` after a promotion: its report is there, and what `publish` needs to put damaged files
right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import PurePosixPath

import pyarrow.fs as pafs

from shark_core import lake_branch
from shark_core.errors import DataError
from shark_core.lake import Lake
from shark_core.publish.catalog import Catalog

MOVES = 10  # of a ref, in which it may be rolled back


@dataclass(frozen=True)
class Branch:
    """`written`: when its newest file was, by the storage's clock. `snapshot_id`: what the ref of
    its name points to; None where it has published nothing. `refs`: those of no branch that have
    it.
    """

    name: str
    files: int
    bytes: int
    written: datetime
    snapshot_id: str | None
    refs: tuple[str, ...]


def branches(lake: Lake, catalog: Catalog) -> list[Branch]:
    """All branches that have files, the one written to last first.

    Raises `DataError` where a ref's log is damaged: it may be of one that needs a branch.
    """
    files = _files(lake)
    others = {ref: _moves(catalog, ref) for ref in catalog.refs() if ref not in files}
    found = [_branch(name, of_it, catalog, others) for name, of_it in files.items()]
    return sorted(found, key=lambda branch: branch.written, reverse=True)


def _branch(
    name: str, files: list[pafs.FileInfo], catalog: Catalog, others: Mapping[str, set[str]]
) -> Branch:
    head = catalog.head(name)
    return Branch(
        name=name,
        files=len(files),
        bytes=sum(file.size for file in files),
        written=max(file.mtime for file in files),
        snapshot_id=head.snapshot_id if head else None,
        refs=tuple(ref for ref, moves in others.items() if head and head.snapshot_id in moves),
    )


def _moves(catalog: Catalog, ref: str) -> set[str]:
    return {entry.snapshot_id for entry in islice(catalog.history(ref), MOVES)}


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
        if info.type == pafs.FileType.File and lake_branch.is_branch_name(path.parts[0]):
            found[path.parts[0]].append(info)
    return found


def _below(lake: Lake, folder: str) -> Iterator[pafs.FileInfo]:
    selector = pafs.FileSelector(lake.absolute(folder), allow_not_found=True, recursive=True)
    with lake.reading(folder):
        yield from lake.filesystem.get_file_info(selector)
