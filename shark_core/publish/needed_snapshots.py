"""Which other snapshots a snapshot's rows are read from."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shark_core.publish.manifest import Manifest


def needed_snapshots(manifest: Manifest) -> tuple[str, ...]:
    """The snapshots on whose tables those of this one are stored as changes."""
    bases = (table.base for table in manifest.tables)
    return tuple(dict.fromkeys(base for base in bases if base is not None))


def with_all_needed(
    snapshot_ids: Iterable[str], find: Callable[[str], Manifest | None]
) -> frozenset[str]:
    """These snapshots, those that they need, those that these need, and so on.

    Where `find` knows no manifest, the snapshot is in the result, and what it needs is not.
    """
    found: set[str] = set()
    waiting = list(snapshot_ids)
    while waiting:
        snapshot_id = waiting.pop()
        if snapshot_id in found:
            continue
        found.add(snapshot_id)
        manifest = find(snapshot_id)
        waiting.extend(needed_snapshots(manifest) if manifest else ())
    return frozenset(found)
